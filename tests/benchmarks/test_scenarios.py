"""What can be measured, how it is asked for, and that the README says so."""

import re
from pathlib import Path

import pytest

from benchmarks.endpoint_layouts import TopicKind, endpoints_of, write_topics
from benchmarks.endpoint_tables import own_topics
from benchmarks.options import read_options
from benchmarks.scenario import Group, Kind
from benchmarks.scenarios import SCENARIOS, USUAL
from pipeline.adapters.kafka.topic_file import read_topic_file
from pipeline.domain.topology import Topology
from tests.architecture.checkout import ROOT

README = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def test_every_scenario_has_a_name_and_a_text_of_its_own():
    assert len(BY_NAME) == len(SCENARIOS)
    assert len({scenario.text for scenario in SCENARIOS}) == len(SCENARIOS)


def test_the_readme_has_a_row_for_every_scenario_and_marks_the_usual_ones():
    rows = {
        match[1]: match[0]
        for match in re.finditer(r"^\| `([\w-]+)`( \*)? \|.*", README, re.MULTILINE)
    }
    assert sorted(rows) == sorted(BY_NAME)
    marked = {name for name, row in rows.items() if row.startswith(f"| `{name}` * |")}
    assert marked == {scenario.name for scenario in USUAL}


def test_the_usual_ones_are_measured_where_nothing_is_said():
    assert read_options([]).scenarios == USUAL
    assert len(USUAL) < len(SCENARIOS)


def test_scenarios_are_chosen_by_name_by_group_and_all_together():
    words = ["--scenario", "own-500", "--group", "backlog"]
    chosen = [scenario.name for scenario in read_options(words).scenarios]
    assert chosen == ["own-500", "backlog-own", "backlog-shared"]
    assert read_options(["--all"]).scenarios == SCENARIOS
    assert {scenario.group for scenario in SCENARIOS} == set(Group)


def test_a_backlog_of_a_million_can_be_asked_for():
    options = read_options(["--scenario", "backlog-own", "--count", "1000000"])
    measured = options.amounts.backlog_plan().measured
    assert (measured.deliveries, measured.most_waiting, measured.publish_seconds) == (
        1_000_000,
        None,
        None,
    )


@pytest.mark.parametrize(
    "words", [["--scenario", "own-2"], ["--group", "fast"], ["--count", "1"], ["--repeat", "0"]]
)
def test_what_cannot_be_measured_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options(words)
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


@pytest.mark.parametrize("name", BY_NAME)
def test_a_scenario_has_as_many_endpoints_as_it_says(name: str):
    layout = BY_NAME[name].rig.pipeline.layout
    topology = Topology()
    endpoints = list(endpoints_of(layout, topology, "http://127.0.0.1:1"))
    assert len({endpoint.id for endpoint in endpoints}) == layout.endpoints
    assert len({endpoint.url for endpoint in endpoints}) == layout.endpoints
    assert len({endpoint.account for endpoint in endpoints}) == layout.accounts
    topics = {endpoint.topic for endpoint in endpoints}
    if layout.topics is TopicKind.OWN:
        assert sorted(topics) == sorted(own_topics(layout, topology))
    else:
        assert topics == {topology.shared_delivery}
        assert own_topics(layout, topology) == []


@pytest.mark.parametrize(
    ("name", "endpoints", "fan_out"),
    [
        ("own-500", 500, 1),
        ("shared-50", 50, 1),
        ("shared-10000", 10_000, 1),
        ("fan-out-100-shared", 100, 100),
    ],
)
def test_layouts_are_what_their_names_say(name: str, endpoints: int, fan_out: int):
    layout = BY_NAME[name].rig.pipeline.layout
    assert (layout.endpoints, layout.fan_out) == (endpoints, fan_out)


def test_the_topics_of_500_endpoints_are_allowed(tmp_path: Path):
    write_topics(tmp_path / "topics.yaml", BY_NAME["own-500"].rig.pipeline.layout)
    assert read_topic_file(tmp_path / "topics.yaml", Topology()).dedicated_limit == 500


def test_there_is_a_bad_neighbour_of_each_kind_in_own_topics_and_in_the_shared_one():
    found = {
        (scenario.behaviour, scenario.rig.pipeline.layout.topics)
        for scenario in SCENARIOS
        if scenario.kind is Kind.NEIGHBOURS
    }
    assert len(found) == 10
