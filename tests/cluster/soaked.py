"""The whole of it: three secured brokers, PostgreSQL, and two processes of every stage."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from pipeline.domain.least_rights import Part
from pipeline.resources import TOPICS_FILE
from tests.api.running_api import free_port
from tests.cluster.arrivals import Arrivals
from tests.cluster.load import Load
from tests.cluster.plan import DEDICATED, FAST
from tests.running_pipeline import eventually
from tests.security.secured_broker import three_secured_brokers
from tests.security.secured_pipeline import PROCESSES, SecuredPipeline, secured_pipeline
from tests.storage.postgres_server import StoppablePostgres, stoppable_postgres

SLOTS: Final = (0, 1)
READY_SECONDS: Final = 120.0
"""Of a stage, on a machine on which twenty others have work to do."""
FLOW_SECONDS: Final = 90.0
"""So long at most until what was published last has arrived."""
_MIB: Final = 1 << 20


@dataclass
class Soaked:
    secured: SecuredPipeline
    postgres: StoppablePostgres
    api_ports: tuple[int, int]
    arrivals: Arrivals

    @property
    def api_urls(self) -> tuple[str, ...]:
        return tuple(f"http://127.0.0.1:{port}" for port in self.api_ports)

    def start(self, part: Part, slot: int) -> None:
        """Return at once."""
        port = {"PIPELINE_API__PORT": str(self.api_ports[slot])}
        self.secured.start_slot(part, slot, port if part is Part.API else {})

    def start_all(self) -> None:
        """Return when they are ready. Ten at once would be too much for two cores."""
        for part in PROCESSES:
            for slot in SLOTS:
                self.start(part, slot)
            for slot in SLOTS:
                self.wait_ready(part, slot)

    def wait_ready(self, part: Part, slot: int) -> None:
        pipeline = self.secured.pipeline
        eventually(
            lambda: pipeline.health(part, slot=slot).get("status") == "ok",
            seconds=READY_SECONDS,
            text=lambda: f"{part}-{slot} is not ready: {pipeline.log(part, slot=slot)[-4_000:]}",
        )

    def wait_for_flow(self, loads: list[Load]) -> None:
        """Until the newest event of each load has come through the pipeline."""
        newest = [number for load in loads for number in list(load.at)[-1:]]
        wanted = [(name, number) for name in FAST for number in newest]
        eventually(
            lambda: not self.arrivals.missing(wanted),
            seconds=FLOW_SECONDS,
            text=lambda: f"not arrived: {self.arrivals.missing(wanted)}; {self.states()}",
        )

    def states(self) -> str:
        """Of every process, as it says itself."""
        pipeline = self.secured.pipeline
        return "\n".join(
            f"{part}-{slot}: {pipeline.health(part, slot=slot)}"
            for part in PROCESSES
            for slot in SLOTS
            if (part, slot) in pipeline.processes
        )

    def memory_mib(self) -> dict[str, float]:
        """By process, what it has resident; PostgreSQL's, all that it does not share."""
        pids = {
            f"{part}-{slot}": process.pid
            for (part, slot), process in sorted(self.secured.pipeline.processes.items())
        }
        for node in self.secured.broker.nodes:
            assert node.process is not None
            pids[f"broker-{node.number}"] = node.process.pid
        found = {name: psutil.Process(pid).memory_info().rss for name, pid in pids.items()}
        found["postgresql"] = _unshared(self.postgres)
        return {name: size / _MIB for name, size in found.items()}


def let_pass(seconds: float) -> None:
    """What is tested is a time of steady work, so it has to pass."""
    threading.Event().wait(seconds)


def _unshared(postgres: StoppablePostgres) -> int:
    first = (postgres.folder / "db" / "postmaster.pid").read_text().split("\n", 1)[0]
    server = psutil.Process(int(first))
    total = 0
    for process in (server, *server.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


@contextmanager
def soaked(folder: Path) -> Generator[Soaked]:
    """Nothing of the pipeline runs yet. Raises NoPostgres."""
    (folder / "brokers").mkdir()
    topics = folder / "topics.yaml"
    usual = TOPICS_FILE.read_text()
    topics.write_text(usual.replace("dedicated_limit: 100", f"dedicated_limit: {DEDICATED}"))
    with (
        stoppable_postgres() as postgres,
        three_secured_brokers(folder / "brokers") as broker,
        secured_pipeline(
            broker,
            folder,
            PIPELINE_KAFKA__TOPICS_FILE=str(topics),
            PIPELINE_STORE__URL=postgres.server.url("postgres"),
            PIPELINE_STAGE__JANITOR_SECONDS="10",
            PIPELINE_STAGE__JUDGE_SECONDS="10",
        ) as secured,
    ):
        ports = (int(secured.settings["PIPELINE_API__PORT"]), free_port())
        yield Soaked(secured, postgres, ports, Arrivals(secured.receiver))
