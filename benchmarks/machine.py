"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import confluent_kafka
import pycurl

from benchmarks.children import CHECKOUT
from pipeline.adapters.embedded_kafka.pinned_jars import KAFKA_VERSION

_PACKAGES: Final = ("confluent-kafka", "fastavro", "msgspec", "pycurl", "sqlalchemy", "uvloop")
_MODEL: Final = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_MEMORY: Final = re.compile(r"^MemTotal:\s*(\d+) kB$", re.MULTILINE)
_KIB_PER_GIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and what is installed on it."""

    cores: int
    cpu_model: str
    memory_gib: float
    system: str
    python: str
    kafka: str
    librdkafka: str
    libcurl: str
    packages: dict[str, str]
    commit: str
    """Of the checkout; with a plus where files differ from it."""


def this_machine() -> Machine:
    """The machine that this runs on."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        cpu_model=_found(_MODEL, "/proc/cpuinfo") or platform.machine(),
        memory_gib=round(int(_found(_MEMORY, "/proc/meminfo") or 0) / _KIB_PER_GIB, 1),
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        kafka=KAFKA_VERSION,
        librdkafka=confluent_kafka.libversion()[0],
        libcurl=pycurl.version_info()[1],
        packages={name: _version(name) for name in _PACKAGES},
        commit=_commit(),
    )


def load_average() -> float:
    """How many processes have wanted to run, on average over the last minute."""
    return round(os.getloadavg()[0], 2)


def _found(pattern: re.Pattern[str], path: str) -> str:
    match = pattern.search(Path(path).read_text(errors="replace"))
    return match[1].strip() if match else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def _commit() -> str:
    return _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain") else "")


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", *arguments],  # noqa: S607 - git of this machine
            cwd=CHECKOUT,
            capture_output=True,
            check=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout.strip()
