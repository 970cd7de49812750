"""Fetches single jars from the Maven repositories that the user's jgo configuration names.

The only module that imports jgo, which belongs to the optional extra `embedded`, takes 0.4 s to
import and 30 MB of memory: whoever needs it imports this module when a jar is missing, and only
then.
"""

from __future__ import annotations

import configparser
import hashlib
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from pipeline.adapters.embedded_kafka.pinned_jars import PinnedJar

_TIMEOUT_SECONDS = 10


class FetchFailed(Exception):
    """A jar could not be fetched, or is not the one that was pinned; says which and why."""


def maven_context(incoming: Path) -> MavenContext:
    """Maven with `incoming` as the folder for what is fetched.

    The repositories of jgo's configuration are asked first; one that is called `central` replaces
    Maven Central.

    Raises:
        FetchFailed: the configuration cannot be read.
    """
    try:
        repositories = dict(GlobalSettings.load().repositories)
    except (OSError, configparser.Error) as exc:
        raise FetchFailed(f"jgo's configuration cannot be read: {exc}") from exc
    repositories.setdefault("central", MAVEN_CENTRAL_URL)
    return MavenContext(repo_cache=incoming, remote_repos=repositories, timeout=_TIMEOUT_SECONDS)


def fetch(jar: PinnedJar, *, maven: MavenContext, into: Path) -> None:
    """Put the jar into the folder `into`, complete and verified.

    Raises:
        FetchFailed: no repository has it, none can be reached, or what came is not what was pinned.
    """
    try:
        found = _downloaded(jar, maven)
        sha256 = hashlib.sha256(found.read_bytes()).hexdigest()
        if sha256 != jar.sha256:
            raise FetchFailed(f"{jar.file_name}: its SHA-256 is {sha256}, expected {jar.sha256}")
        found.replace(into / jar.file_name)
    # What jgo lets through: its HTTP client's errors, all of them OSErrors; RuntimeError for "no
    # repository has it"; ValueError for a header that it cannot read.
    except (OSError, RuntimeError, ValueError) as exc:
        raise FetchFailed(f"{jar.file_name}: {exc}") from exc


def _downloaded(jar: PinnedJar, maven: MavenContext) -> Path:
    artifact = maven.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    try:
        return artifact.resolve()
    except OSError:  # once more: among so many connections one that breaks is nothing unusual
        if artifact.cached_path is not None:
            artifact.cached_path.unlink(missing_ok=True)  # jgo would take the part for the whole
        return artifact.resolve()
