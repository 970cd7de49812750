"""The broker's jars in the cache: fetched once, then neither the network nor jgo is needed.

The manifest is written last, so what it names is complete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

import msgspec

from pipeline.adapters.embedded_kafka.cache import Cache
from pipeline.adapters.embedded_kafka.errors import OWN_KAFKA, JarsUnavailable
from pipeline.adapters.embedded_kafka.files import flush_to_disk, replace_file
from pipeline.adapters.embedded_kafka.pinned_jars import (
    KAFKA_VERSION,
    PinnedJar,
    pinned_jars,
    pins_digest,
)
from pipeline.adapters.embedded_kafka.waiting import Waiting

_PARALLEL_FETCHES: Final = 8
_MIB: Final = 1024 * 1024
_TELL_EVERY_BYTES: Final = 4 * _MIB


class Manifest(msgspec.Struct, frozen=True):
    """What the cache holds, in the order of the class path."""

    kafka_version: str
    pins: str
    jars: tuple[str, ...]


def cached_jars(cache: Cache) -> tuple[Path, ...] | None:
    """The class path; None if a jar is missing or cut short, or if they were for other pins."""
    try:
        manifest = msgspec.json.decode(cache.manifest.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return None
    if manifest.pins != pins_digest() or not all(_has_size(cache, jar) for jar in pinned_jars()):
        return None
    return tuple(cache.jars / name for name in manifest.jars)


def ensure_jars(cache: Cache, waiting: Waiting) -> tuple[Path, ...]:
    """The class path, fetched first if the cache does not have it.

    Raises:
        JarsUnavailable: nothing could be fetched; the message says why and what helps.
        CacheUnusable: the cache folder cannot be written.
    """
    jars = cached_jars(cache)
    if jars is not None:
        return jars
    with cache.locked(waiting):
        jars = cached_jars(cache)  # another process may have done it meanwhile
        return jars if jars is not None else _fill(cache, waiting)


def _fill(cache: Cache, waiting: Waiting) -> tuple[Path, ...]:
    jars = pinned_jars()
    try:
        cache.jars.mkdir(exist_ok=True)
        if missing := [jar for jar in jars if not _is_intact(cache, jar)]:
            _fetch(missing, cache, waiting)
        names = tuple(jar.file_name for jar in jars)
        manifest = Manifest(kafka_version=KAFKA_VERSION, pins=pins_digest(), jars=names)
        for name in names:  # the manifest must not survive a power cut that a jar did not
            flush_to_disk(cache.jars / name)
        replace_file(cache.manifest, msgspec.json.format(msgspec.json.encode(manifest)))
    except OSError as exc:
        raise _unavailable(cache, str(exc)) from exc
    return tuple(cache.jars / name for name in names)


def _fetch(missing: Sequence[PinnedJar], cache: Cache, waiting: Waiting) -> None:
    try:
        # jgo is heavy and optional: imported when a jar is missing, and only then.
        from pipeline.adapters.embedded_kafka import registry  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise JarsUnavailable(
            f"The jars of Apache Kafka {KAFKA_VERSION} are not in {cache.folder}, and the library "
            "that fetches them is not installed. Install the extra (pip install "
            f"'webhook-pipeline[embedded]'), or {OWN_KAFKA}."
        ) from exc
    counter = _Counter(sum(jar.size_bytes for jar in missing), waiting)
    pool = ThreadPoolExecutor(_PARALLEL_FETCHES, thread_name_prefix="kafka-jars")
    with cache.scratch() as incoming:
        try:
            maven = registry.maven_context(incoming)
            fetches = {
                pool.submit(registry.fetch, jar, maven=maven, into=cache.jars): jar
                for jar in missing
            }
            for fetch in as_completed(fetches):
                fetch.result()
                counter.add(fetches[fetch])
        except registry.FetchFailed as exc:
            raise _unavailable(cache, str(exc)) from exc
        finally:
            pool.shutdown(cancel_futures=True)


class _Counter:
    """Tells how much has come, now and then."""

    def __init__(self, all_bytes: int, waiting: Waiting) -> None:
        self._all_bytes = all_bytes
        self._waiting = waiting
        self._fetched_bytes = 0
        self._told_bytes = 0

    def add(self, jar: PinnedJar) -> None:
        self._waiting.check()
        self._fetched_bytes += jar.size_bytes
        is_last = self._fetched_bytes == self._all_bytes
        if is_last or self._fetched_bytes - self._told_bytes > _TELL_EVERY_BYTES:
            self._told_bytes = self._fetched_bytes
            of_all = f"{self._fetched_bytes // _MIB} of {self._all_bytes // _MIB} MiB"
            self._waiting.tell(f"fetching Apache Kafka {KAFKA_VERSION}: {of_all}")


def _unavailable(cache: Cache, reason: str) -> JarsUnavailable:
    return JarsUnavailable(
        f"The jars of Apache Kafka {KAFKA_VERSION} could not be fetched into {cache.folder}: "
        f"{reason}. Check the network or the proxy (HTTPS_PROXY), name a mirror under "
        "[repositories] in jgo's configuration file (JGO_CONFIG_FILE), copy that folder from a "
        f"machine that has it, or {OWN_KAFKA}."
    )


def _has_size(cache: Cache, jar: PinnedJar) -> bool:
    try:
        return (cache.jars / jar.file_name).stat().st_size == jar.size_bytes
    except OSError:
        return False


def _is_intact(cache: Cache, jar: PinnedJar) -> bool:
    if not _has_size(cache, jar):
        return False
    return hashlib.sha256((cache.jars / jar.file_name).read_bytes()).hexdigest() == jar.sha256
