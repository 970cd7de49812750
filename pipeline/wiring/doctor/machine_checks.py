"""Whether this machine has file handles, disk space, and a Java for the embedded broker."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipeline.adapters.embedded_kafka.cache import cache_in
from pipeline.adapters.embedded_kafka.errors import EmbeddedKafkaError, JavaUnavailable
from pipeline.adapters.embedded_kafka.jars import cached_jars
from pipeline.adapters.embedded_kafka.java import find_java
from pipeline.settings import Settings
from pipeline.wiring.doctor.finding import Finding, error, ok, warning

ENOUGH_FILES: Final = 100_000
"""Every segment of every topic keeps three files open; a broker that runs out of them dies."""
_FEW_FILES: Final = 4_096
_GIB: Final = 1024**3
_LITTLE_DISK_BYTES: Final = 5 * _GIB
_NO_DISK_BYTES: Final = _GIB // 2


def machine_findings(settings: Settings) -> Iterator[Finding]:
    """This machine, as it is now."""
    yield _file_handles(is_embedded=settings.kafka.bootstrap_servers is None)
    yield _disk(settings.data_dir)
    if settings.kafka.bootstrap_servers is None:
        yield _java()
        yield _jars()


def _file_handles(*, is_embedded: bool) -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_unlimited = hard == resource.RLIM_INFINITY
    if is_unlimited or hard >= ENOUGH_FILES:
        return ok("file handles", "no limit" if is_unlimited else f"at most {hard:,}")
    text = f"a process may have {hard:,} open; with many endpoints a broker needs {ENOUGH_FILES:,}"
    fix = (
        f"raise it: ulimit -Hn {ENOUGH_FILES}, LimitNOFILE= of systemd, or ulimits of the container"
    )
    if is_embedded and hard < _FEW_FILES:
        return error("file handles", text, fix)
    return warning("file handles", text, fix)


def _disk(data_dir: Path) -> Finding:
    folder = data_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError as exc:
        return error(
            "disk",
            f"{folder}: {exc.strerror}",
            "set PIPELINE_DATA_DIR to a folder that can be used",
        )
    text = f"{free_bytes / _GIB:.1f} GiB free for {data_dir}"
    fix = "free some space, or set PIPELINE_DATA_DIR to a larger disk"
    if free_bytes < _NO_DISK_BYTES:
        return error("disk", text, fix)
    if free_bytes < _LITTLE_DISK_BYTES:
        return warning("disk", text, fix)
    return ok("disk", text)


def _java() -> Finding:
    try:
        java = find_java()
    except JavaUnavailable as exc:
        return error(
            "java",
            str(exc),
            "install webhook-pipeline[embedded], or a Java, or use a Kafka of your own",
        )
    return ok("java", f"Java {java.major} at {java.executable}")


def _jars() -> Finding:
    cache = cache_in(None)
    try:
        jars = cached_jars(cache)
    except EmbeddedKafkaError as exc:
        return error("jars", str(exc), "see that the cache folder can be written")
    if jars is None:
        fix = "make install, or pipeline up, fetches them (44 MB)"
        return warning("jars", f"the embedded broker's are not in {cache.folder} yet", fix)
    return ok("jars", f"{len(jars)} in {cache.folder}")
