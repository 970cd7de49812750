"""Settings of the brokers themselves that the pipeline should be warned of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

_DAY_MINUTES: Final = 24 * 60
_FEW_DAYS: Final = 30
_ADVISED_DAYS: Final = 90


def cluster_warnings(settings: Mapping[str, str]) -> tuple[str, ...]:
    """What to change about a cluster, by the settings of one of its brokers."""
    return tuple(_warnings(settings))


def _warnings(settings: Mapping[str, str]) -> Iterator[str]:
    minutes = settings.get("offsets.retention.minutes", "")
    if minutes.isdigit() and int(minutes) < _FEW_DAYS * _DAY_MINUTES:
        yield (
            f"the brokers forget where a group stands after {int(minutes) / _DAY_MINUTES:g} days "
            "without it: a stage that is off for longer holds its partitions until pipeline "
            f"offsets set; set offsets.retention.minutes to {_ADVISED_DAYS * _DAY_MINUTES}"
        )
    if settings.get("auto.create.topics.enable") == "true":
        yield (
            "the brokers make topics of any name they are asked for, with settings of their own: "
            "set auto.create.topics.enable to false"
        )
    if settings.get("log.cleaner.enable") == "false":
        yield "the brokers do not compact: tables grow for ever; set log.cleaner.enable to true"
