from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pipeline.adapters.costs_file import CostsFileError, read_costs
from pipeline.domain.endpoint_topics import Placement
from pipeline.domain.workload import (
    BURST_MS,
    Unreachable,
    Workload,
    measured_for,
    under_way,
    utilisation_for,
    waiting_ms,
)
from pipeline.resources import COSTS_FILE

COSTS = read_costs(COSTS_FILE)
LOAD = Workload(1_000.0)


def test_the_costs_give_back_what_was_measured_with_a_fan_out_of_one_and_of_fifty():
    once, fifty = (measured_for(replace(LOAD, fan_out=each), COSTS) for each in (1.0, 50.0))
    assert once.cpu_us["router"] == pytest.approx(53.9, abs=0.1)
    assert fifty.cpu_us["router"] == pytest.approx(24.4, abs=0.1)
    assert once.log_bytes == pytest.approx(2_736, abs=1)
    own = measured_for(Workload(1.0, fan_out=50, topics=Placement.DEDICATED), COSTS)
    assert own.cpu_us["broker"] == pytest.approx(125)


def test_bodies_and_failures_cost_more():
    usual = measured_for(LOAD, COSTS)
    large = measured_for(replace(LOAD, body_bytes=11 * 1024), COSTS)
    assert large.log_bytes == usual.log_bytes + 2 * 10 * 1024
    failing = replace(LOAD, failing=0.5)
    assert failing.attempts_each == 2.0
    more = measured_for(failing, COSTS).cpu_us["sender"] - usual.cpu_us["sender"]
    assert more == pytest.approx(COSTS.per_failure["sender"])


def test_a_short_latency_leaves_processes_idle_and_a_shorter_one_cannot_be_had():
    busy = [
        utilisation_for(LOAD, COSTS, latency_ms=each, most=0.6) for each in (110, 150, 200, 1_000)
    ]
    assert busy == sorted(busy)
    assert busy[-1] == 0.6
    assert busy[0] < 0.2
    with pytest.raises(Unreachable, match=r"69 ms for 99 of 100.*ask for 1\d\d ms or more"):
        utilisation_for(LOAD, COSTS, latency_ms=50, most=0.6)


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_a_simulated_queue_waits_as_long_as_the_formula_says(busy: float):
    """Bursts that come at random, one after another, each as long as the one before ended."""
    chance = random.Random(7)  # noqa: S311 - a simulation
    waits: list[float] = []
    free_at = now = 0.0
    for _ in range(60_000):
        now += chance.expovariate(busy / BURST_MS)
        waits.append(max(free_at - now, 0.0))
        free_at = max(free_at, now) + chance.expovariate(1 / BURST_MS)
    simulated = sorted(waits)[int(0.99 * len(waits))]
    assert simulated == pytest.approx(waiting_ms(busy), rel=0.2)


def test_what_waits_for_answers_follows_littles_law():
    lines = {line.name: line.value for line in under_way(replace(LOAD, response_ms=200.0))}
    assert lines == {"requests under way": 200, "endpoints, so that none is full": 13}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("own: 1", "Expected `object`"),
        ("{", "while parsing"),
        (COSTS_FILE.read_text().replace("router: 24.5, ", "", 1), "own.per_event: router: it has"),
        (COSTS_FILE.read_text().replace("24.5", "-1", 1), ">= 0"),
    ],
)
def test_a_file_of_costs_that_cannot_be_used_is_refused_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, text: str, says: str
):
    path = tmp_path_factory.mktemp("costs") / "costs.yaml"
    path.write_text(text)
    with pytest.raises(CostsFileError, match=rf"costs\.yaml: .*{says}"):
        read_costs(path)
