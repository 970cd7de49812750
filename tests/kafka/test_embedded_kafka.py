"""The embedded broker as a real process: what it takes, what it keeps, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from pipeline.adapters.embedded_kafka.data_folder import Running, running_broker
from pipeline.adapters.embedded_kafka.errors import StartCancelled
from tests.kafka.broker_clients import (
    DEADLINE_SECONDS,
    broker_settings,
    cluster_id_at,
    make_topic,
    read,
    topics_at,
    write,
)
from tests.kafka.broker_owner import is_gone, owned_by_another_process, wait_until
from tests.kafka_broker import SessionBroker


def port_of(bootstrap_servers: str) -> int:
    return int(bootstrap_servers.partition(":")[2])


def test_a_broker_takes_records_and_gives_them_back(broker: SessionBroker):
    make_topic(broker.bootstrap_servers, "there-and-back")

    write(broker.bootstrap_servers, "there-and-back", b"one", b"two")

    assert read(broker.bootstrap_servers, "there-and-back", 2) == [b"one", b"two"]


def test_a_dead_letter_of_six_mebibytes_fits(broker: SessionBroker):
    make_topic(broker.bootstrap_servers, "large")
    value = os.urandom(6 * 1024 * 1024)

    write(broker.bootstrap_servers, "large", value)

    assert read(broker.bootstrap_servers, "large", 1) == [value]


def test_a_topic_that_nobody_made_is_not_made_by_writing_to_it(broker: SessionBroker):
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap_servers, "message.timeout.ms": 1_000}
    )
    refused: list[object] = []
    producer.produce("misspelt", b"value", on_delivery=lambda error, _: refused.append(error))
    producer.flush(DEADLINE_SECONDS)

    assert len(refused) == 1
    assert refused[0] is not None
    assert "misspelt" not in topics_at(broker.bootstrap_servers)


@pytest.mark.soak
def test_data_and_ports_outlive_a_clean_stop(tmp_path: Path):
    kafka = EmbeddedKafka(tmp_path)
    first = kafka.start()
    pid = kafka.pid or 0
    make_topic(first, "kept")
    write(first, "kept", b"before")
    cluster_id = cluster_id_at(first)
    assert running_broker(tmp_path) == Running(first, pid, cluster_id or "")

    kafka.stop()
    kafka.stop()

    assert is_gone(pid)
    assert kafka.pid is None
    assert running_broker(tmp_path) is None
    assert (tmp_path / "kafka" / "data" / ".kafka_cleanshutdown").exists()
    with EmbeddedKafka(tmp_path) as second:
        assert second == first
        assert cluster_id_at(second) == cluster_id
        assert read(second, "kept", 1) == [b"before"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(first)))


def test_a_folder_may_have_any_name_and_properties_any_characters(tmp_path: Path):
    data_dir = tmp_path / "dätä, with: comma=and #blanks"
    odd = {"sasl.kerberos.kinit.cmd": "C:\\kinit = ü 🜚 !#", "num.io.threads": "3"}

    with EmbeddedKafka(data_dir, properties=odd) as bootstrap_servers:
        make_topic(bootstrap_servers, "anything")
        write(bootstrap_servers, "anything", b"value")
        settings = broker_settings(bootstrap_servers)
        assert read(bootstrap_servers, "anything", 1) == [b"value"]

    assert {name: settings[name] for name in odd} == odd
    assert (data_dir / "kafka" / "data" / "anything-0").is_dir()


def test_only_this_machine_reaches_the_broker_and_nothing_but_its_log_hears_of_it(tmp_path: Path):
    with owned_by_another_process(tmp_path) as owned:
        listening = [
            connection.laddr.ip.removeprefix("::ffff:")
            for connection in psutil.Process(owned.running.pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        terminal = owned.end_owner()

    assert listening == ["127.0.0.1", "127.0.0.1"]
    assert terminal == (b"", b"")
    assert "Kafka Server started" in (tmp_path / "kafka" / "server.log").read_text()


def test_an_interrupt_at_the_terminal_does_not_reach_the_broker_before_its_owner(tmp_path: Path):
    with owned_by_another_process(tmp_path) as owned:
        guard = psutil.Process(owned.running.pid).ppid()

        assert os.getsid(owned.running.pid) == os.getsid(guard)
        assert os.getsid(guard) != os.getsid(owned.owner.pid)


def test_the_broker_ends_when_its_owner_is_killed_and_the_folder_is_free_again(tmp_path: Path):
    with owned_by_another_process(tmp_path) as owned:
        make_topic(owned.running.bootstrap_servers, "kept")
        write(owned.running.bootstrap_servers, "kept", b"value")

        owned.kill_owner()

        with EmbeddedKafka(tmp_path) as bootstrap_servers:
            assert is_gone(owned.running.pid)
            assert bootstrap_servers == owned.running.bootstrap_servers
            assert read(bootstrap_servers, "kept", 1) == [b"value"]


@pytest.mark.soak
def test_the_broker_dies_with_its_guard_and_starts_again_with_its_data(tmp_path: Path):
    kafka = EmbeddedKafka(tmp_path)
    with kafka as bootstrap_servers:
        make_topic(bootstrap_servers, "kept")
        write(bootstrap_servers, "kept", b"value")
        killed = kafka.pid or 0

        os.kill(psutil.Process(killed).ppid(), signal.SIGKILL)

        wait_until(lambda: kafka.poll() == -signal.SIGKILL, "the death is seen")
        wait_until(lambda: is_gone(killed), "the Java machine dies with its guard")
        assert kafka.start() == bootstrap_servers
        assert read(bootstrap_servers, "kept", 1) == [b"value"]


def test_a_killed_broker_is_noticed_and_comes_back_on_its_port_with_its_data(tmp_path: Path):
    kafka = EmbeddedKafka(tmp_path)
    with kafka as bootstrap_servers:
        make_topic(bootstrap_servers, "kept")
        write(bootstrap_servers, "kept", b"value")
        # This connection outlives the broker in the kernel: its port has to be usable all the same.
        with socket.create_connection(("127.0.0.1", port_of(bootstrap_servers))):
            assert kafka.poll() is None
            os.kill(kafka.pid or 0, signal.SIGKILL)
            wait_until(lambda: kafka.poll() == 128 + signal.SIGKILL, "the death is seen")
            assert running_broker(tmp_path) is None

            assert kafka.start() == bootstrap_servers

        assert kafka.poll() is None
        assert read(bootstrap_servers, "kept", 1) == [b"value"]


def test_a_stop_ends_a_start_that_is_under_way(tmp_path: Path):
    kafka = EmbeddedKafka(tmp_path)
    ended: list[StartCancelled] = []

    def start() -> None:
        try:
            kafka.start()
        except StartCancelled as exc:
            ended.append(exc)

    starting = threading.Thread(target=start)
    starting.start()
    wait_until(lambda: kafka.pid is not None, "the Java machine is started")
    pid = kafka.pid or 0

    kafka.stop()

    starting.join(DEADLINE_SECONDS)
    assert len(ended) == 1
    assert is_gone(pid)
    with kafka as bootstrap_servers:
        assert cluster_id_at(bootstrap_servers)


def test_an_announcement_that_a_process_left_behind_is_not_believed(tmp_path: Path):
    folder = tmp_path / "kafka"
    folder.mkdir()
    (folder / "broker.json").write_text(
        f'{{"bootstrap_servers": "127.0.0.1:9", "pid": {os.getpid()}, "cluster_id": "x"}}'
    )

    assert running_broker(tmp_path) is None
    assert running_broker(tmp_path / "never") is None
