"""The jars of the embedded broker: fetched once, whole, verified, whatever interrupts it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Final

import psutil
import pytest

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from pipeline.adapters.embedded_kafka.cache import Cache, CacheUnusable, cache_in
from pipeline.adapters.embedded_kafka.errors import JarsUnavailable
from pipeline.adapters.embedded_kafka.install import install
from pipeline.adapters.embedded_kafka.jars import cached_jars, ensure_jars
from pipeline.adapters.embedded_kafka.pinned_jars import pinned_jars
from pipeline.adapters.embedded_kafka.waiting import Waiting
from tests.kafka.broker_clients import DEADLINE_SECONDS, cluster_id_at
from tests.kafka.broker_owner import ROOT
from tests.kafka.jar_mirror import JarMirror
from tests.kafka_broker import SessionBroker

ALL_JARS: Final = sorted(jar.file_name for jar in pinned_jars())
FETCH: Final = """
import sys
from pathlib import Path
from pipeline.adapters.embedded_kafka.cache import cache_in
from pipeline.adapters.embedded_kafka.jars import ensure_jars
from pipeline.adapters.embedded_kafka.waiting import Waiting

sys.modules.update(dict.fromkeys(sys.argv[2:]))  # libraries that are not to be found
print(len(ensure_jars(cache_in(Path(sys.argv[1])), Waiting(lambda _text: None))))
"""


def silent(_text: str) -> None:
    pass


def use_repository(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = folder / "jgo.conf"
    configuration.write_text(f"[repositories]\ncentral = {url}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(configuration))


def fetch_in_another_process(cache: Path, *without: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, str(cache), *without],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def mirror(
    broker: SessionBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[JarMirror]:
    """The only repository that jgo then knows. It has jars, as the broker's start needed them."""
    with JarMirror(cache_in(None).jars).serving() as serving:
        use_repository(serving.url, tmp_path, monkeypatch)
        yield serving


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return cache_in(tmp_path / "cache")


def test_all_jars_are_fetched_once_and_then_neither_network_nor_jgo_is_needed(
    mirror: JarMirror, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    said: list[str] = []

    jars = ensure_jars(cache, Waiting(said.append))

    assert sorted(mirror.asked) == ALL_JARS
    assert sorted(jar.name for jar in jars) == ALL_JARS
    assert said[-1].endswith("42 of 42 MiB")
    use_repository("http://127.0.0.1:1", tmp_path, monkeypatch)
    again = fetch_in_another_process(tmp_path / "cache", "jgo")
    assert again.communicate(timeout=DEADLINE_SECONDS) == (b"%d\n" % len(ALL_JARS), b"")


def test_two_processes_that_start_at_once_fetch_each_jar_once(
    mirror: JarMirror, cache: Cache, tmp_path: Path
):
    both = [fetch_in_another_process(tmp_path / "cache") for _ in range(2)]

    answers = [process.communicate(timeout=DEADLINE_SECONDS) for process in both]

    assert answers == [(b"%d\n" % len(ALL_JARS), b"")] * 2
    assert sorted(mirror.asked) == ALL_JARS


def test_a_fetch_that_was_killed_leaves_nothing_half_and_the_next_one_goes_on(
    mirror: JarMirror, cache: Cache, tmp_path: Path
):
    mirror.stuck_at = "kafka-clients-4.3.1.jar"
    killed = fetch_in_another_process(tmp_path / "cache")
    assert mirror.is_stuck.wait(DEADLINE_SECONDS)
    killed.kill()
    killed.communicate()
    assert cached_jars(cache) is None
    assert not (cache.jars / mirror.stuck_at).exists()
    complete = {jar.name for jar in cache.jars.iterdir()}
    mirror.stuck_at = None
    mirror.asked.clear()

    assert len(ensure_jars(cache, Waiting(silent))) == len(ALL_JARS)

    # A set: what the killed process had asked for may reach the mirror after it.
    assert set(mirror.asked) == set(ALL_JARS) - complete
    assert list(cache.folder.glob("unfinished-*")) == []


def test_a_jar_that_is_not_the_pinned_one_is_refused(mirror: JarMirror, cache: Cache):
    mirror.damage = lambda name, content: (
        content[:-1] + b"!" if name == "slf4j-api-1.7.36.jar" else content
    )

    with pytest.raises(JarsUnavailable, match=r"slf4j-api-1\.7\.36\.jar.*SHA-256"):
        ensure_jars(cache, Waiting(silent))

    assert cached_jars(cache) is None
    assert not (cache.jars / "slf4j-api-1.7.36.jar").exists()


def test_a_connection_that_breaks_once_is_tried_again(mirror: JarMirror, cache: Cache):
    broken: list[str] = []

    def break_once(name: str, content: bytes) -> bytes:
        if name != "kafka_2.13-4.3.1.jar" or broken:
            return content
        broken.append(name)
        return content[:100]

    mirror.damage = break_once

    assert len(ensure_jars(cache, Waiting(silent))) == len(ALL_JARS)
    assert mirror.asked.count("kafka_2.13-4.3.1.jar") == 2


def test_a_cache_that_lost_a_jar_fetches_just_that_one(mirror: JarMirror, cache: Cache):
    jars = ensure_jars(cache, Waiting(silent))
    jars[0].unlink()
    mirror.asked.clear()

    assert ensure_jars(cache, Waiting(silent)) == jars
    assert mirror.asked == [jars[0].name]


def test_no_network_and_no_jars_is_said_with_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    use_repository(f"http://127.0.0.1:{port}", tmp_path, monkeypatch)

    with pytest.raises(JarsUnavailable) as refused:
        EmbeddedKafka(tmp_path / "data", cache=tmp_path / "cache").start()

    text = str(refused.value)
    assert str(tmp_path / "cache" / "kafka-4.3.1") in text
    assert "refused" in text
    assert all(
        help_ in text
        for help_ in ("HTTPS_PROXY", "JGO_CONFIG_FILE", "PIPELINE_KAFKA__BOOTSTRAP_SERVERS")
    )


def test_a_missing_extra_is_named(tmp_path: Path):
    process = fetch_in_another_process(tmp_path, "jgo")

    _, errors = process.communicate(timeout=DEADLINE_SECONDS)

    assert b"JarsUnavailable" in errors
    assert b"webhook-pipeline[embedded]" in errors


def test_a_broken_configuration_of_jgo_is_named(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "jgo.conf").write_text("no section")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(tmp_path / "jgo.conf"))

    with pytest.raises(JarsUnavailable, match="jgo's configuration"):
        ensure_jars(cache, Waiting(silent))


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(CacheUnusable, match="file/cache"):
        ensure_jars(cache_in(tmp_path / "file" / "cache"), Waiting(silent))


@pytest.mark.soak
def test_the_class_archive_is_made_once_and_used_and_a_damaged_one_does_no_harm(
    broker: SessionBroker, cache: Cache, tmp_path: Path
):
    shutil.copytree(cache_in(None).jars, cache.jars)
    shutil.copy(cache_in(None).manifest, cache.manifest)
    said: list[str] = []

    install(tmp_path / "cache", said.append)
    install(tmp_path / "cache", said.append)

    # Where it takes long, it says so every 10 s.
    assert said.count("preparing the broker's class archive, once for this Java") == 1
    [archive] = cache.folder.glob("classes-*")
    kafka = EmbeddedKafka(tmp_path / "data", cache=tmp_path / "cache")
    with kafka as bootstrap_servers:
        assert cluster_id_at(bootstrap_servers)
        opened = {mapped.path for mapped in psutil.Process(kafka.pid or 0).memory_maps()}
        assert str(archive) in opened
    archive.chmod(0o644)
    archive.write_bytes(b"damaged" * 1000)
    with kafka as bootstrap_servers:
        assert cluster_id_at(bootstrap_servers)
