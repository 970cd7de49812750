"""The Helm chart against the code, without Helm: what it names exists, and mistakes are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import pytest

from pipeline.cli.setting_names import valid_names
from tests.architecture.chart_files import (
    CHART,
    GIVEN,
    KAFKA_OPTION,
    PARTS,
    SETTING,
    document,
    project_version,
    templates,
    values_schema,
    with_defaults,
)
from tests.architecture.checkout import ROOT
from tests.architecture.test_documents import BLOCK, calls_in, fault_of

VALUES = document(CHART / "values.yaml")
SCHEMA = values_schema()
TEMPLATES = templates()
ENVIRONMENT = TEMPLATES["templates/_environment.tpl"]
GUIDE = (CHART / "README.md").read_text(encoding="utf-8")
NOTES = TEMPLATES["templates/NOTES.txt"]
LEAST = with_defaults(document(CHART / "ci/least-values.yaml"), VALUES)
MENTIONED = re.compile(r"\.Values\.([A-Za-z.]+[A-Za-z])")


def complaints(values: Any) -> list[str]:
    return [error.message for error in jsonschema_rs.iter_errors(SCHEMA, values)]


def changed(path: str, value: Any) -> dict[str, Any]:
    """The least that can be installed, and this."""
    for name in reversed(path.split("/")):
        value = {name: value}
    return with_defaults(value, LEAST)


def test_the_chart_has_the_version_of_the_project():
    about = document(CHART / "Chart.yaml")
    assert about["appVersion"] == about["version"] == project_version()


def test_every_setting_that_the_chart_names_is_one():
    texts = [*TEMPLATES.values(), GUIDE, *(path.read_text() for path in GIVEN)]
    texts += [(CHART / name).read_text() for name in ("values.yaml", "values.schema.json")]
    texts = [KAFKA_OPTION.sub("", text) for text in texts]
    named = {name for text in texts for name in SETTING.findall(text)}
    assert len(named) > 20
    assert named - set(valid_names()) == set()


def test_every_command_that_a_container_runs_or_a_text_names_is_one():
    assert "args: [run, {{ .stage }}]" in TEMPLATES["templates/_pod.tpl"]
    assert [fault for stage in PARTS if (fault := fault_of(["run", stage]))] == []
    once = re.findall(r'"args" \(list ([^)]+)\)', TEMPLATES["templates/setup.yaml"])
    ran = [re.findall(r'"([\w-]+)"', words) for words in once]
    assert ran == [["store", "migrate"], ["topics", "apply"]]
    told = [words.split() for words in re.findall(r"-- pipeline (.+)", NOTES)]
    assert told
    assert [fault for words in [*ran, *calls_in(GUIDE), *told] if (fault := fault_of(words))] == []


def test_every_list_of_stages_has_all_of_them():
    lists = [
        tuple(re.findall(r'"(\w+)"', words))
        for text in TEMPLATES.values()
        for words in re.findall(r"range \$name := list ([^}]+)\}\}", text)
    ]
    assert len(lists) > 4
    assert set(lists) == {PARTS, PARTS[:-1]}  # the API has a template of its own
    assert tuple(VALUES["stages"]) == PARTS
    tables = re.findall(r":= dict\n(.*?)\n-\}\}", ENVIRONMENT, flags=re.DOTALL)
    assert len(tables) == 2
    for table in tables:
        parts = re.findall(r'^  "(\w+)" \(list', table, flags=re.MULTILINE)
        assert parts == ["setup", *PARTS]


def test_every_value_that_a_template_asks_for_is_among_the_values():
    asked = {
        name
        for text in TEMPLATES.values()
        for name in MENTIONED.findall(
            text.replace("$policy.", ".Values.networkPolicy.").replace("$values.", ".Values.")
        )
    }
    assert len(asked) > 30
    assert asked - set(paths_in(VALUES)) == set()


def paths_in(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield f"{above}{name}"
        if isinstance(value, dict):
            yield from paths_in(cast("dict[str, Any]", value), f"{above}{name}.")


@pytest.mark.parametrize("path", GIVEN, ids=lambda path: path.stem)
def test_the_examples_fit_the_schema(path: Path):
    assert complaints(with_defaults(document(path), VALUES)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("stages/sendr", {}),
        ("stages/sender/replica", 2),
        ("stages/sender/autoscaling/lag", 0),
        ("stages/api/maxUnavailable", "one"),
        ("kafka/bootstrapServers", "kafka"),
        ("kafka/options", {"sasl.password": "x"}),
        ("secrets/values", {"PIPELINE_STORE__URL": "sqlite:///store.sqlite"}),
        ("secrets/values", {"PIPELINE_SECRETS__KEY": "short"}),
        ("secrets/values", {"PIPELINE_MAIL__FROM": "a@example.com"}),
        ("settings", {"PIPELINE_STAGE__HEALTH_PORT": 9}),
        ("settings", {"LOG_LEVEL": "INFO"}),
        ("drainSeconds", 61),
        ("autoscaling/kind", "vpa"),
        ("networkPolicy/privateNetworks", ["10.0.0.1"]),
        ("networkPolicy/kafka", {"ports": []}),
        ("monitoring/podMonitor/interval", "often"),
        ("fullnameOverride", "Webhooks"),
    ],
)
def test_what_cannot_be_meant_is_refused(path: str, value: Any):
    assert complaints(LEAST) == []
    assert complaints(changed(path, value))


def test_what_is_a_secret_is_told_apart_once_and_for_all():
    given = set(re.findall(r'"(PIPELINE_[A-Z_.]+)"', ENVIRONMENT))
    values = SCHEMA["properties"]["secrets"]["properties"]["values"]
    assert given == set(values["propertyNames"]["enum"])
    fixed = set(re.findall(r"- name: (PIPELINE_[A-Z_]+)", ENVIRONMENT))
    refused = SCHEMA["properties"]["settings"]["propertyNames"]["not"]["enum"]
    assert set(refused) == fixed | {name for name in given if not KAFKA_OPTION.fullmatch(name)}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("rules.yaml", "deploy/prometheus/rules.yaml"),
        ("dashboard.json", "deploy/grafana/dashboard.json"),
    ],
)
def test_the_chart_brings_the_alerts_and_the_dashboard_that_are_tested(name: str, source: str):
    assert (CHART / "files" / name).resolve() == ROOT / source


def test_every_value_at_the_top_is_explained():
    described = BLOCK.sub("", GUIDE)
    top = re.findall(r"^(\w+):", (CHART / "values.yaml").read_text(), flags=re.MULTILINE)
    assert top == list(VALUES)
    assert [name for name in top if f"`{name}" not in described] == []
