"""A PostgreSQL server of our own for the tests, from whatever the machine has installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic

_START_SECONDS = 30.0
_STOP_SECONDS = 20.0
_OWNER = "postgres"  # the server refuses to run as root


class NoPostgres(Exception):
    """Why no server can be started here."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    port: int

    def url(self, database: str) -> str:
        return f"postgresql://{_OWNER}:any-password@127.0.0.1:{self.port}/{database}"


@contextmanager
def running_postgres() -> Generator[PostgresServer]:
    """Start a server on a free port of the loopback interface, and stop it by its id."""
    with _folder() as folder, _serving(_programs(), _owner(), folder, port=_free_port()) as server:
        yield server


@dataclass
class StoppablePostgres:
    """A server that a test may stop and start again, on the same port, with the same data."""

    folder: Path
    port: int
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def server(self) -> PostgresServer:
        return PostgresServer(self.port)

    def start(self) -> None:
        serving = _serving(_programs(), _owner(), self.folder, port=self.port)
        self._running.enter_context(serving)

    def stop(self) -> None:
        """Connections are cut, and none is taken, until it is started again."""
        self._running.close()


@contextmanager
def stoppable_postgres() -> Generator[StoppablePostgres]:
    """A server of one test's own; stopped at the end."""
    with _folder() as folder:
        server = StoppablePostgres(folder, _free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _folder() -> Generator[Path]:
    """With a database cluster in it; deleted at the end."""
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if owner is not None:
        shutil.chown(folder, owner, owner)
    try:
        _run([str(_programs() / "initdb"), "-D", str(folder / "db"), *_INITDB], owner, folder)
        yield folder
    finally:
        shutil.rmtree(folder)


_INITDB = ("-U", _OWNER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise NoPostgres("no PostgreSQL server is installed (apt-get install postgresql)")
    return Path(on_path).parent


def _version(program: Path) -> int:
    name = program.parent.parent.name
    return int(name) if name.isdecimal() else 0


def _owner() -> str | None:
    if os.getuid() != 0:
        return None
    try:
        pwd.getpwnam(_OWNER)
    except KeyError as exc:
        raise NoPostgres(f"root cannot run the server, and there is no user {_OWNER!r}") from exc
    return _OWNER


def _run(command: list[str], owner: str | None, folder: Path) -> None:
    done = subprocess.run(
        command, user=owner, group=owner, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise NoPostgres(f"initdb failed: {done.stderr.strip()}")


@contextmanager
def _serving(
    programs: Path, owner: str | None, folder: Path, *, port: int
) -> Generator[PostgresServer]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
        "deadlock_timeout": "200ms",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(folder / "db"), *options]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", *command],
            user=owner,
            group=owner,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        ) as guard,
    ):
        try:
            _wait_until_ready(guard, port, folder / "log")
            yield PostgresServer(port)
        finally:
            assert guard.stdin is not None
            guard.stdin.close()
            guard.wait(_STOP_SECONDS)


# Ends the server, by its id, when its standard input does: with the tests, however they ended.
_GUARD = '"$@" </dev/null & server=$!; read -r nothing; kill -INT "$server"; wait "$server"'


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = monotonic() + _START_SECONDS
    while b"database system is ready to accept connections" not in log.read_bytes():
        if server.poll() is not None or monotonic() >= until:
            raise NoPostgres(f"the server on port {port} did not start: {log.read_text()}")
        Event().wait(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
