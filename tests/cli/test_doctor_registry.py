"""`pipeline doctor` and the schema registry: one that speaks the protocol, on a socket."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from pipeline.settings import KafkaSettings, Settings
from pipeline.wiring.configuration import topic_file
from pipeline.wiring.doctor.finding import Finding, Level
from pipeline.wiring.doctor.registry_checks import registry_findings
from pipeline.wiring.schema_registration import our_subjects, register_schemas
from tests.kafka.registry_server import Registry, running_registry


def settings_of(address: str | None, auth: str | None = None) -> Settings:
    secret = None if auth is None else SecretStr(auth)
    return Settings(kafka=KafkaSettings(schema_registry=address, schema_registry_auth=secret))


def found(address: str | None, auth: str | None = None) -> list[Finding]:
    return list(registry_findings(settings_of(address, auth)))


@pytest.fixture
def registry() -> Generator[Registry]:
    with running_registry() as running:
        yield running


def test_without_a_registry_nothing_is_said():
    assert found(None) == []


def test_an_empty_one_answers_and_lacks_our_schemas(registry: Registry):
    answers, schemas = found(registry.address)
    assert answers.level is Level.OK
    assert answers.text == f"{registry.address} answers, in clear; nobody is asked who he is"
    assert schemas.level is Level.WARNING
    assert schemas.text.startswith("11 of our 11 are not there: webhooks.events-value, ")
    assert schemas.fix == "run pipeline topics apply, which registers them"
    assert registry.subjects == {}  # asking registers nothing


def test_after_they_were_registered_all_is_well(registry: Registry):
    settings = settings_of(registry.address)
    register_schemas(settings, topic_file(settings))
    assert [finding.level for finding in found(registry.address)] == [Level.OK, Level.OK]
    assert "all 11 of ours" in found(registry.address)[1].text


def test_a_subject_with_another_schema_is_named(registry: Registry):
    settings = settings_of(registry.address)
    subjects = our_subjects(topic_file(settings))
    other = json.dumps({"type": "record", "name": "Event", "fields": []})
    for subject, text in subjects.items():
        mine = other if subject == "webhooks.attempts-value" else text
        registry.subjects[subject] = [registry.add(mine)]
    _, schemas = found(registry.address)
    assert schemas.level is Level.WARNING
    assert schemas.text == ("webhooks.attempts-value: without the schema that this version writes")
    assert "compatibility" in (schemas.fix or "")


def test_who_is_not_let_in_is_told_which_setting_it_takes(registry: Registry):
    registry.credentials = "reader:right"
    for auth in (None, "reader:wrong-password"):
        (refused,) = found(registry.address, auth)
        assert refused.level is Level.ERROR
        assert "401" in refused.text
        assert refused.fix == "put user:password into PIPELINE_KAFKA__SCHEMA_REGISTRY_AUTH"
        assert "wrong-password" not in refused.text
    answers, _ = found(registry.address, "reader:right")
    assert answers.text.endswith("; we are 'reader'")


def test_what_is_no_registry_or_fails_is_told(registry: Registry):
    (elsewhere,) = found(f"{registry.address}/elsewhere")
    assert (elsewhere.level, "ccompat" in (elsewhere.fix or "")) == (Level.ERROR, True)
    registry.away = 503
    (failing,) = found(registry.address)
    assert (failing.level, failing.fix) == (Level.ERROR, "look at the registry's own log")


def test_one_that_is_away_is_told_with_what_waits_for_it():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    (away,) = found(f"http://127.0.0.1:{port}")
    assert away.level is Level.ERROR
    assert "records written with it wait" in away.text
    assert (away.fix or "").startswith("start it; check PIPELINE_KAFKA__SCHEMA_REGISTRY")


@contextmanager
def tls_port(folder: Path) -> Generator[tuple[int, Path]]:
    """A server that speaks TLS, by an authority of its own, and nothing after the handshake."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - trustme names a context that is not installed
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                with accepted:
                    try:
                        context.wrap_socket(accepted, server_side=True).close()
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], bundle
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_certificate_of_an_unknown_authority_is_told_with_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with tls_port(tmp_path) as (port, authorities):
        (unknown,) = found(f"https://127.0.0.1:{port}")
        monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
        (known,) = found(f"https://127.0.0.1:{port}")
    assert "SSL_CERT_FILE" not in (known.fix or "")  # the advice helps: it comes further
    assert unknown.level is Level.ERROR
    assert "SSL_CERT_FILE" in (unknown.fix or "")


def test_tls_to_a_port_that_speaks_none_is_told(registry: Registry):
    (plain,) = found(registry.address.replace("http:", "https:"))
    assert plain.level is Level.ERROR
    assert plain.fix == "it does not speak TLS: write http:// in PIPELINE_KAFKA__SCHEMA_REGISTRY"
