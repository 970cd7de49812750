"""A disk that is small and can be made larger: a tmpfs that only a broker's processes see."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ANSWER_SECONDS = 20.0
PROGRAMS = ("unshare", "nsenter", "mount", "df")


def why_impossible() -> str:
    """What is missing for a disk of one's own; empty where it can be had."""
    if sys.platform != "linux":
        return "only Linux has mount namespaces"
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    if os.geteuid() != 0:
        return "mounting needs root"
    tried = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],  # noqa: S607 - of this machine
        capture_output=True,
        text=True,
        check=False,
        timeout=ANSWER_SECONDS,
    )
    return "" if tried.returncode == 0 else f"mounting is not allowed: {tried.stderr.strip()}"


@dataclass(frozen=True)
class SmallDisk:
    """Mounted at `folder` in a mount namespace that one process keeps."""

    folder: Path
    keeper_pid: int

    @property
    def enter(self) -> list[str]:
        """What a command line begins with that shall see it, in its own working directory."""
        inside = f"--target={self.keeper_pid}"
        stay = 'cd "$0" && exec "$@"'  # entering a mount namespace leads to its root
        return ["nsenter", inside, "--mount", "sh", "-c", stay, str(self.folder.parent)]

    def free_bytes(self) -> int:
        answer = self._run("df", "--output=avail", "-B1", str(self.folder))
        return int(answer.split()[-1])

    def grow(self, size_bytes: int) -> None:
        self._run("mount", "-o", f"remount,size={size_bytes}", str(self.folder))

    def _run(self, *command: str) -> str:
        return subprocess.run(
            [*self.enter, *command],
            capture_output=True,
            text=True,
            check=True,
            timeout=ANSWER_SECONDS,
        ).stdout


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Generator[SmallDisk]:
    """It vanishes with the block, or with this process."""
    folder.mkdir(parents=True)
    # The keeper ends when its input does: at the end of the block, or of this process.
    mount = 'mount -t tmpfs -o "size=$1" tmpfs "$0" && echo mounted && exec cat'
    with subprocess.Popen(
        ["unshare", "-m", "sh", "-c", mount, str(folder), str(size_bytes)],  # noqa: S607 - of this machine
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"mounted\n"
        yield SmallDisk(folder, keeper.pid)
