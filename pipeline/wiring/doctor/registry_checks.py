"""Whether the schema registry answers, lets us in, and has our schemas as they are written now.

Our processes ask it for producers' schemas alone. Ours are there for other tools, so one that is
missing, or another one there, is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Final

from pipeline.adapters.kafka.schema_registry import (
    Holding,
    RegistryAway,
    SchemaRegistry,
    UnusableRegistry,
)
from pipeline.adapters.kafka.writer_schema import UnusableSchema
from pipeline.settings import Settings
from pipeline.wiring.configuration import topic_file
from pipeline.wiring.doctor.finding import Finding, error, ok, warning
from pipeline.wiring.schema_reading import schema_registry
from pipeline.wiring.schema_registration import our_subjects

_CHECK: Final = "schema registry"
_SCHEMAS: Final = "registered schemas"
_SHOWN: Final = 3
_ADDRESS: Final = "PIPELINE_KAFKA__SCHEMA_REGISTRY"
_FIX_OF_STATUS: Final = {
    HTTPStatus.UNAUTHORIZED: f"put user:password into {_ADDRESS}_AUTH",
    HTTPStatus.FORBIDDEN: f"let the user of {_ADDRESS}_AUTH read subjects and schemas",
    HTTPStatus.NOT_FOUND: f"add its path to {_ADDRESS}: Apicurio's is /apis/ccompat/v7",
}
_FIX_OF_TEXT: Final = {
    "CERTIFICATE_VERIFY_FAILED": "put its authority's certificate into a file that SSL_CERT_FILE"
    " names, for every process",
    "WRONG_VERSION_NUMBER": f"it does not speak TLS: write http:// in {_ADDRESS}",
    "RECORD_LAYER_FAILURE": f"it does not speak TLS: write http:// in {_ADDRESS}",
    "disconnected without": f"if it speaks TLS, write https:// in {_ADDRESS}",
}


def registry_findings(settings: Settings) -> Iterator[Finding]:
    """None where no registry is set. Raises TopicFileError."""
    address = settings.kafka.schema_registry
    if address is None:
        return
    subjects = our_subjects(topic_file(settings))
    try:
        registry = schema_registry(settings)
        assert registry is not None  # noqa: S101 - there is an address
        with closing(registry):
            holdings = _holdings(registry, subjects)
    except UnusableRegistry as exc:
        yield error(_CHECK, str(exc), f"mend {_ADDRESS}")
        return
    except (RegistryAway, UnusableSchema) as exc:
        text = f"{exc}; records written with it wait in their partitions until it answers"
        yield error(_CHECK, text, _fix(exc))
        return
    yield ok(_CHECK, f"{address} answers{_as_whom(settings)}")
    yield from _of_schemas(holdings)


def _holdings(registry: SchemaRegistry, subjects: dict[str, str]) -> dict[str, Holding]:
    return {subject: registry.holds(subject, text) for subject, text in subjects.items()}


def _of_schemas(holdings: dict[str, Holding]) -> Iterator[Finding]:
    missing = [subject for subject, held in holdings.items() if held is Holding.NONE]
    others = [subject for subject, held in holdings.items() if held is Holding.ANOTHER]
    if missing:
        text = f"{len(missing)} of our {len(holdings)} are not there: {_listed(missing)}"
        yield warning(_SCHEMAS, text, "run pipeline topics apply, which registers them")
    if others:
        text = f"{_listed(others)}: without the schema that this version writes"
        fix = (
            "run pipeline topics apply, which registers it; where it is refused, see who else"
            " registered there, and the subject's compatibility"
        )
        yield warning(_SCHEMAS, text, fix)
    if not missing and not others:
        yield ok(_SCHEMAS, f"all {len(holdings)} of ours are there, as this version writes them")


def _listed(subjects: list[str]) -> str:
    more = len(subjects) - _SHOWN
    return ", ".join(subjects[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _as_whom(settings: Settings) -> str:
    auth = settings.kafka.schema_registry_auth
    user = "" if auth is None else f" {auth.get_secret_value().partition(':')[0]!a}"
    is_tls = (settings.kafka.schema_registry or "").startswith("https:")
    channel = "over TLS, its certificate is valid" if is_tls else "in clear"
    return f", {channel}{'; we are' if user else '; nobody is asked who he is'}{user}"


def _fix(exc: Exception) -> str:
    if isinstance(exc, RegistryAway) and exc.status is not None:
        status_fix = _FIX_OF_STATUS.get(HTTPStatus(exc.status)) if _is_known(exc.status) else None
        return status_fix or "look at the registry's own log"
    text = str(exc)
    for part, fix in _FIX_OF_TEXT.items():
        if part.lower() in text.lower():
            return fix
    return f"start it; check {_ADDRESS} and the network"


def _is_known(status: int) -> bool:
    return status in {known.value for known in HTTPStatus}
