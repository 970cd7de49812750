"""The discrete-event model against what can be computed by hand, and the check against a file."""

import json
import math
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.model_check import print_checks, read_checks
from benchmarks.model_report import UnusableResults
from benchmarks.simulation import Cores, Machine, simulated_latencies_ms

NOTHING = dict.fromkeys(("broker", "router", "sender", "recorder", "publisher", "receiver"), 0.0)


def percentile_of(took_ms: list[float], share: float) -> float:
    return sorted(took_ms)[int(len(took_ms) * share)]


def a_machine(*, others: float = 0.0, compiling: float = 0.0, **busy: float) -> Machine:
    return Machine(2, 50.0, {**NOTHING, **busy}, compiling=compiling, others=others)


def test_one_piece_of_work_is_exponential():
    took_ms = simulated_latencies_ms(a_machine(router=0.05), events=6_000)  # 1 ms each
    assert len(took_ms) == 6_000
    assert percentile_of(took_ms, 0.5) == pytest.approx(math.log(2), rel=0.1)
    assert percentile_of(took_ms, 0.99) == pytest.approx(math.log(100), rel=0.15)


def test_the_broker_works_four_times_on_each_events_way():
    machine = a_machine(broker=0.252)  # 1 ms a request: 4 x 50 + 2 x 20 + 12 of them
    assert machine.requests_per_second == 252
    took_ms = simulated_latencies_ms(machine, events=2_000)
    assert sum(took_ms) / len(took_ms) == pytest.approx(4.0, rel=0.1)


@pytest.mark.parametrize("disturbed", [{"others": 1.5}, {"compiling": 1.5}])
def test_who_keeps_the_cores_busy_makes_events_wait(disturbed: dict[str, float]):
    alone = simulated_latencies_ms(a_machine(router=0.05), events=1_000)
    beside = simulated_latencies_ms(a_machine(router=0.05, **disturbed), events=1_000)
    assert percentile_of(beside, 0.99) > 1.2 * percentile_of(alone, 0.99)


def test_two_pieces_share_one_core_in_turns_and_the_short_one_does_not_wait_for_the_long_one():
    cores = Cores(1)
    ended: list[tuple[str, float]] = []
    cores.work(10.0, lambda: ended.append(("long", cores.now_ms)))
    cores.work(2.0, lambda: ended.append(("short", cores.now_ms)))
    cores.run(100.0)
    assert ended == [("short", 4.0), ("long", 12.0)]


def test_the_same_figures_give_the_same_answer():
    machine = a_machine(broker=0.2, router=0.04, sender=0.05, recorder=0.03, others=0.3)
    assert simulated_latencies_ms(machine, events=500) == simulated_latencies_ms(
        machine, events=500
    )


def a_file(folder: Path, *scenarios: dict[str, object]) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps({"machine": {"cores": 2}, "scenarios": scenarios}))
    return path


def a_scenario(name: str, figures: dict[str, float], **others: object) -> dict[str, object]:
    summary = {key: {"median": value} for key, value in figures.items()}
    return {"name": name, "summary": summary, **others}


def test_what_others_take_of_the_cores_is_not_there_for_deliveries(tmp_path: Path):
    costs = {"cpu_us.broker": 100.0, "cpu_us.sender": 150.0, "cpu_us.sum": 250.0}
    figures = {**costs, "per_second": 5_600.0, "busy_cores.others": 0.5}
    (one,) = read_checks(a_file(tmp_path, a_scenario("own-1", figures, kind="throughput")))
    assert one.predicted == pytest.approx(6_000)
    assert one.is_close
    assert one.deviation == pytest.approx(0.0714, rel=0.01)


@pytest.mark.parametrize(("senders", "predicted"), [(1, 5_000.0), (2, 8_000.0)])
def test_no_process_does_more_than_one_cores_work(tmp_path: Path, senders: int, predicted: float):
    figures = {"cpu_us.broker": 50.0, "cpu_us.sender": 200.0, "per_second": 1.0}
    scenario = a_scenario("x", figures, kind="throughput", sender_processes=senders)
    (one,) = read_checks(a_file(tmp_path, scenario))
    assert one.predicted == pytest.approx(predicted)


def test_latency_is_predicted_where_events_come_one_by_one(tmp_path: Path):
    busy = {"broker": 22.0, "router": 4.4, "sender": 5.5, "recorder": 3.6, "scheduler": 0.9}
    figures = {f"busy_percent.{name}": value for name, value in busy.items()}
    figures |= {"busy_percent.publisher": 1.3, "busy_percent.receiver": 0.6}
    figures |= {"busy_percent.compiling": 19.0, "p50_ms": 4.6, "p99_ms": 13.6}
    rare = a_scenario("latency", figures, kind="latency", per_second=50.0)
    often = a_scenario("latency-1000", figures, kind="latency", per_second=1_000.0)
    checks = read_checks(a_file(tmp_path, rare, often))
    assert [(one.name, one.figure) for one in checks] == [
        ("latency", "p50, ms"),
        ("latency", "p99, ms"),
    ]
    assert all(one.is_close for one in checks)  # a run of the benchmark, undisturbed


def test_it_is_printed_with_the_deviation_and_whether_that_is_little(tmp_path: Path):
    figures = {"cpu_us.broker": 250.0, "per_second": 5_000.0}
    path = a_file(tmp_path, a_scenario("own-1", figures, kind="throughput"))
    with (tmp_path / "printed").open("w") as file:
        console = Console(width=150, record=True, file=file)
        print_checks(path, console)
        printed = console.export_text()
    assert "+60%" in printed
    assert "within 20 %: 0 of 1" in printed


def test_a_file_that_is_none_is_refused_with_its_name(tmp_path: Path):
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(UnusableResults, match=r"other\.json"):
        read_checks(tmp_path / "other.json")
