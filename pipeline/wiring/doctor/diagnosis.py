"""All checks, in the order in which one would look."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.settings import Settings
from pipeline.wiring.doctor.finding import Finding
from pipeline.wiring.doctor.kafka_checks import kafka_findings
from pipeline.wiring.doctor.machine_checks import machine_findings
from pipeline.wiring.doctor.process_checks import running_findings
from pipeline.wiring.doctor.registry_checks import registry_findings
from pipeline.wiring.doctor.settings_checks import settings_findings
from pipeline.wiring.doctor.store_checks import store_findings


def findings(settings: Settings) -> Iterator[Finding]:
    """Each as soon as it is known. Raises TopicFileError for a topics.yaml that cannot be used."""
    yield from settings_findings(settings)
    yield from machine_findings(settings)
    yield from store_findings(settings)
    yield from running_findings(settings)
    yield from registry_findings(settings)
    yield from kafka_findings(settings)
