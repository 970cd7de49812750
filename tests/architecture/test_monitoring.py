"""Alerts, dashboard and scrape configuration against the metrics, the stages and the runbook."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.checkout import ROOT
from tests.architecture.metric_names import prometheus_names
from tests.architecture.test_documents import METRIC, calls_in, fault_of

RULES_FILE = ROOT / "deploy/prometheus/rules.yaml"
SCRAPE_FILE = ROOT / "deploy/prometheus/prometheus.yaml"
RUNBOOK = (ROOT / "deploy/RUNBOOK.md").read_text(encoding="utf-8")
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
SCRAPE: dict[str, Any] = yaml.safe_load(SCRAPE_FILE.read_text(encoding="utf-8"))
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboard.json").read_bytes())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
HEADING = re.compile(r"^## (\w+)$", re.MULTILINE)
STAGE = re.compile(r'stage=~?"([a-z|]+)"')
PROMTOOL = shutil.which("promtool")


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> dict[str, str]:
    """Everything that is asked of Prometheus, by who asks it."""
    alerts = {f"alert {rule['alert']}": rule["expr"] for rule in ALERTS}
    shown = {
        f"panel {panel['title']} {target['refId']}": target["expr"]
        for panel in panels()
        for target in panel["targets"]
    }
    return alerts | shown


def scraped() -> dict[str, str]:
    """The stage of each service."""
    return {
        name: job["relabel_configs"][0]["replacement"]
        for job in SCRAPE["scrape_configs"]
        for name in job["dns_sd_configs"][0]["names"]
    }


def test_every_metric_that_is_asked_for_is_one():
    known = prometheus_names()
    asked = {name for text in expressions().values() for name in METRIC.findall(text)}
    assert len(asked) > 10
    assert asked - known == set()
    variables = json.dumps(DASHBOARD["templating"])
    assert set(METRIC.findall(variables)) - known == set()


def test_every_alert_has_its_paragraph_in_the_runbook_and_the_other_way_round():
    named = [rule["alert"] for rule in ALERTS]
    assert sorted(named) == sorted(set(named)) == sorted(HEADING.findall(RUNBOOK))
    for rule in ALERTS:
        name = rule["alert"]
        assert rule["annotations"]["runbook"] == f"deploy/RUNBOOK.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
        paragraph = RUNBOOK.split(f"## {name}\n")[1].split("\n## ")[0]
        assert len(paragraph) > 200, name


@pytest.mark.parametrize("words", calls_in(RUNBOOK), ids=" ".join)
def test_every_command_in_the_runbook_is_one(words: list[str]):
    assert fault_of(words) is None


def test_every_stage_that_is_asked_for_is_scraped_and_is_a_service():
    stages = scraped()
    asked = {one for text in expressions().values() for one in STAGE.findall(text)}
    assert {stage for names in asked for stage in names.split("|")} <= set(stages.values())
    assert set(stages) <= set(COMPOSE["services"])


def test_every_process_is_scraped_at_its_health_port():
    environment = COMPOSE["x-pipeline"]["environment"]
    for job in SCRAPE["scrape_configs"]:
        port = job["dns_sd_configs"][0]["port"]
        is_api = job["job_name"] == "pipeline-api"
        assert port == (8080 if is_api else environment["PIPELINE_STAGE__HEALTH_PORT"])


def test_no_two_panels_lie_upon_each_other_and_all_come_from_the_chosen_source():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert {panel["datasource"]["uid"] for panel in panels()} == {"${datasource}"}


def checked(*arguments: str | Path) -> None:
    """Run promtool; skipped where there is none, and failed under CI."""
    if PROMTOOL is None:
        if os.environ.get("CI") == "true":
            pytest.fail("promtool is demanded, and is not there: it is in Debian's prometheus")
        pytest.skip("promtool is not there: it is in Debian's package prometheus")
    ran = subprocess.run(
        [PROMTOOL, *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_promtool_takes_the_rules_and_the_configuration():
    checked("check", "rules", "--lint=all", "--lint-fatal", RULES_FILE)
    checked("check", "config", SCRAPE_FILE)


def test_alerts_fire_where_they_should_and_are_quiet_where_all_is_well():
    examples = Path(__file__).with_name("alert_examples.yaml")
    tried = set(re.findall(r'alertname="(\w+)"', examples.read_text(encoding="utf-8")))
    assert tried == {rule["alert"] for rule in ALERTS}
    checked("test", "rules", examples)


def test_promtool_takes_every_expression_of_the_dashboard(tmp_path: Path):
    rules = [
        {
            "record": f"panel:number:{number}",
            "expr": text.replace("$__rate_interval", "5m").replace("$stage", ".+"),
        }
        for number, text in enumerate(expressions().values())
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    checked("check", "rules", path)
