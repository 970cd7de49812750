from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from pipeline.adapters.kafka.access_lists import AccessLists, Granted
from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused, KafkaUnreachable
from pipeline.adapters.kafka.sink import KafkaSink
from pipeline.adapters.kafka.source import KafkaSource
from pipeline.adapters.kafka.tables import TableReader
from pipeline.cli.log_lines import silent_logger
from pipeline.domain.least_rights import WRITE, Part
from pipeline.domain.rights import Operation, Resource, Right
from pipeline.flow import Emit, Partition, StartAt
from pipeline.ports import Progress, SinkFailed, SourceFailed
from pipeline.settings import KafkaSettings, Settings
from pipeline.wiring.connection import Connection
from pipeline.wiring.doctor.finding import Level
from pipeline.wiring.doctor.kafka_checks import kafka_findings
from pipeline.wiring.stage_rights import RightsMissing, check_rights
from tests.http.servers import serving
from tests.security.broker_certificates import server_identity
from tests.security.flow import everything_once
from tests.security.secured_broker import PASSWORD, SecuredBroker, secured_broker
from tests.security.secured_pipeline import PROCESSES, SecuredPipeline, secured_pipeline

WRONG = "a-wrong-password-that-nobody-may-read"
SETTING = "PIPELINE_KAFKA__OPTIONS"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[SecuredBroker]:
    with secured_broker(tmp_path_factory.mktemp("secured")) as running:
        yield running


@pytest.fixture(scope="module")
def secured(
    broker: SecuredBroker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[SecuredPipeline]:
    with secured_pipeline(broker, tmp_path_factory.mktemp("pipeline")) as made:
        yield made


def test_each_stage_does_all_of_its_work_with_its_least_rights(secured: SecuredPipeline):
    everything_once(secured)
    assert secured.broker.denied() == []
    for part in PROCESSES:
        assert not re.search("uthoriz|does not allow|refuse", secured.pipeline.log(part)), part
    assert PASSWORD not in secured.logs()


@pytest.fixture
def forbidden(broker: SecuredBroker, secured: SecuredPipeline) -> Connection:
    """Of a user who may write to one topic, without which nobody is a producer, and no more."""
    broker.add_users(["nobody"])
    right = Right(Resource.TOPIC, secured.pipeline.topology.attempts, WRITE, "")
    AccessLists(secured.pipeline.connection).add([Granted("User:nobody", right, Operation.WRITE)])
    options = broker.options("nobody")
    return {"bootstrap.servers": broker.secured_servers, "log_level": 0, **options}


def test_every_right_that_is_missing_is_named_before_a_stage_begins(
    secured: SecuredPipeline, forbidden: Connection
):
    with pytest.raises(RightsMissing) as refused:
        check_rights(Part.ROUTER, forbidden, secured.pipeline.topic_file)
    topology = secured.pipeline.topology
    for right in (
        f"Read on the topic {topology.events}",
        f"Write on the topic {topology.dead_letter}",
        f"DescribeConfigs on the topic {topology.attempts}",
        f"Read on the group {topology.prefix}router",
    ):
        assert f"Kafka does not allow this user {right}: `pipeline acls plan`" in str(refused.value)


async def test_a_record_is_not_given_up_for_a_right_and_whoever_reads_without_one_is_told(
    secured: SecuredPipeline, forbidden: Connection
):
    topology = secured.pipeline.topology
    failures: asyncio.Queue[BaseException] = asyncio.Queue()
    sink = KafkaSink(forbidden, on_failed=failures.put_nowait)
    settled: list[object] = []
    sink.send(Emit(topology.dead_letter, b"x", b"x"), settled.append)
    written = await asyncio.wait_for(failures.get(), 30)
    await sink.close(wait_seconds=0)
    assert f"Write on the topic {topology.dead_letter}" in str(written)
    assert (type(written), settled) == (SinkFailed, [])
    reader = TableReader(
        forbidden, [topology.accounts], apply=settled.append, on_failed=failures.put_nowait
    )
    with pytest.raises(SourceFailed, match=r"Describe on the group webhook-pipeline.unused-"):
        await asyncio.wait_for(reader.start(), 30)
    await reader.close()


def test_a_group_or_a_topic_that_may_not_be_read_ends_the_process_with_its_name(
    secured: SecuredPipeline, forbidden: Connection
):
    source = KafkaSource(forbidden, group="not-ours", member="m")
    try:
        source.subscribe([secured.pipeline.topology.events], Nobody())
        with pytest.raises(SourceFailed, match=r"not allow this user Read on the (group|topic)"):
            poll_for_ever(source)
    finally:
        source.close()


def poll_for_ever(source: KafkaSource) -> None:
    while True:
        source.poll(1.0, limit=10)


class Nobody:
    """Is given nothing."""

    def assigned(self, partitions: Sequence[Partition]) -> list[StartAt]:
        assert not partitions
        return []

    def revoked(self, partitions: Sequence[Partition]) -> list[Progress]:
        assert not partitions
        return []

    def lost(self, partitions: Sequence[Partition]) -> None:
        assert not partitions


def test_what_keeps_a_client_from_the_cluster_is_told_in_a_line_with_the_setting(
    broker: SecuredBroker, tmp_path: Path
):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    good, plain = broker.options("nobody"), broker.bootstrap_servers
    cases: list[tuple[dict[str, str], str]] = [
        ({"sasl.password": WRONG}, f"check sasl.username and sasl.password in {SETTING}"),
        ({"ssl.ca.location": str(other)}, f"check ssl.ca.location in {SETTING}"),
        ({"ssl.ca.location": str(tmp_path / "none")}, "the file of ssl.ca.location is there"),
        ({"sasl.mechanism": "PLAIN"}, f"set sasl.mechanism to one of these in {SETTING}"),
        ({"security.protocol": "PLAINTEXT"}, "it speaks TLS: set security.protocol to SASL_SSL"),
        ({"security.protocol": "SASL_PLAINTEXT"}, "it speaks TLS: set security.protocol to "),
        ({"security.protocol": "SSL"}, "set security.protocol to SASL_SSL and sasl.mechanism"),
        ({"bootstrap.servers": plain}, "it speaks no TLS: check security.protocol"),
        ({"bootstrap.servers": plain, "security.protocol": "SASL_PLAINTEXT"}, "it wants no passwo"),
    ]
    servers = {"bootstrap.servers": broker.secured_servers}
    with ThreadPoolExecutor(len(cases)) as pool:
        told = list(pool.map(why_not, [{**servers, **good, **changed} for changed, _ in cases]))
    for text, (_, hint) in zip(told, cases, strict=True):
        assert hint in text, text
        assert SETTING in text
        assert "\n" not in text
        assert WRONG not in text


async def test_an_expired_certificate_is_called_so(tmp_path: Path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "own.pem"))
    (tmp_path / "server.pem").write_bytes(server_identity(authority, days=-1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")

    async def silent(*_: object) -> None:
        pass

    async with serving(silent, tls=context) as server:
        options = {"security.protocol": "SSL", "ssl.ca.location": str(tmp_path / "own.pem")}
        servers = f"127.0.0.1:{server.port}"
        text = await asyncio.to_thread(why_not, {"bootstrap.servers": servers, **options})
    assert "its certificate cannot be used (certificate has expired): renew it" in text


def why_not(connection: dict[str, str]) -> str:
    try:
        Inquiry(connection, wait_seconds=20, logger=silent_logger()).seen()
    except (KafkaUnreachable, KafkaRefused) as exc:
        return str(exc)
    return "it answers"


def test_doctor_says_so_too_and_no_secret(broker: SecuredBroker):
    options = broker.options("nobody", password=WRONG)
    kafka = KafkaSettings(bootstrap_servers=broker.secured_servers, options=options)
    (found,) = kafka_findings(Settings(kafka=kafka))
    assert found.level is Level.ERROR
    assert f"check sasl.username and sasl.password in {SETTING}" in found.text
    assert WRONG not in str(found)
