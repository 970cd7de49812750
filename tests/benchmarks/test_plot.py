"""Which scenarios are in the picture."""

from pathlib import Path

from benchmarks.plot import cost_chart, write_plot
from benchmarks.rates import Spread
from benchmarks.results import Summary
from benchmarks.scenario import Scenario
from benchmarks.scenarios import SCENARIOS

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def costing(**cpu_us: float) -> Summary:
    return {f"cpu_us.{name}": Spread(value, value, value) for name, value in cpu_us.items()}


def test_a_bar_has_what_counts_and_nothing_else():
    summary = costing(broker=40, router=50, sender=86, receiver=30, sum=176)
    chart = cost_chart({BY_NAME["own-1"]: summary})
    assert [(bar.name, bar.parts) for bar in chart.bars] == [
        ("own-1", {"broker": 40, "router": 50, "sender": 86})
    ]


def test_what_would_dwarf_all_others_is_named_instead():
    summaries: dict[Scenario, Summary] = {
        BY_NAME["own-1"]: costing(broker=40, sender=60),
        BY_NAME["body-200k"]: costing(broker=900, sender=700),
    }
    chart = cost_chart(summaries)
    assert [bar.name for bar in chart.bars] == ["own-1"]
    assert chart.note == "Not shown: body-200k 1,600"


def test_latencies_alone_make_no_picture(tmp_path: Path):
    summary = {"p50_ms": Spread(1.0, 1.0, 1.0)}
    assert write_plot({BY_NAME["latency"]: summary}, tmp_path / "results.json") is None
    assert list(tmp_path.iterdir()) == []


def test_the_picture_lies_beside_the_results(tmp_path: Path):
    path = write_plot({BY_NAME["own-1"]: costing(broker=40)}, tmp_path / "results.json")
    assert path == tmp_path / "results.svg"
    assert (tmp_path / "results.svg").read_text().startswith("<svg ")
