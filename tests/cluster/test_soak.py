"""A whole installation under a steady load, while everything in it is restarted again and again.

`SOAK_SECONDS` says for how long (900); `SOAK_FIGURES` where the figures go as JSON
(build/cluster-soak.json). They are printed, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.clock import now_ms
from tests.architecture.checkout import ROOT
from tests.cluster.figures import (
    Figures,
    latencies,
    memory,
    repeats_by_restart,
    shown,
    taken,
    written,
)
from tests.cluster.load import steady_load
from tests.cluster.outcome import places_lost, settled, warnings
from tests.cluster.plan import answers, put_endpoints, wanted_of
from tests.cluster.restarts import Restarts, rounds
from tests.cluster.soaked import Soaked, let_pass, soaked
from tests.storage.postgres_server import NoPostgres

SECONDS = float(os.environ.get("SOAK_SECONDS", "900"))
FIGURES = Path(os.environ.get("SOAK_FIGURES", ROOT / "build" / "cluster-soak.json"))
WARM_SECONDS = 10.0
REPEATS_OF_A_PLACE_LOST = 200
"""What a sender may have under way and not acknowledged when Kafka gives its place away."""
STEADY_SECONDS = 30.0
"""After each round of restarts."""


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[Soaked]:
    try:
        with soaked(tmp_path) as found:
            yield found
    except NoPostgres as exc:
        pytest.skip(f"no PostgreSQL: {exc}")


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(SECONDS + 1800)
def test_nothing_is_lost_or_sent_twice_while_everything_is_restarted(
    cluster: Soaked, capsys: pytest.CaptureFixture[str]
):
    secured = cluster.secured
    secured.receiver.behaviour = answers(lambda: now_ms() / 1000)
    cluster.start_all()
    put_endpoints(secured, secured.receiver)
    topology = secured.pipeline.topology
    assert secured.topics["shared"] == topology.shared_delivery != secured.topics["fast"]
    began = time.monotonic()
    with steady_load(secured.producer(), topology.events, cluster.api_urls) as load:
        restarts = Restarts(cluster, load.unordered)
        let_pass(WARM_SECONDS)
        cluster.wait_for_flow(load.unordered)
        at_start = cluster.memory_mib()
        count = rounds(restarts, seconds=SECONDS - WARM_SECONDS, pause_seconds=STEADY_SECONDS)
        at_end = cluster.memory_mib()
    took = time.monotonic() - began
    wanted = wanted_of(load.published_at, ordered=load.ordered.at)
    outcome = settled(cluster, wanted)
    figures = Figures(
        took,
        os.getloadavg()[2],
        count,
        outcome.counts(),
        load.api.again,
        repeats_by_restart(cluster.arrivals, restarts.done),
        latencies(taken(cluster.arrivals, load.published_at), restarts.done),
        memory(at_start, restarts.memory_before, at_end),
        restarts.done,
        places_lost(cluster),
        warnings(cluster),
    )
    written(figures, FIGURES)
    with capsys.disabled():
        shown(figures, Console(width=120))
    outcome.check()
    # Whatever was told to end has finished what was under way: not even a request came twice.
    assert figures.counts["repeats"] <= (
        figures.counts["timed out"] + figures.places_lost * REPEATS_OF_A_PLACE_LOST
    )
    assert figures.counts["attempts"] <= figures.counts["requests"]
