import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli.setting_names import valid_names
from pipeline.settings import Settings
from pipeline.wiring.stages import STAGES
from tests.architecture.checkout import ROOT

COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
KAFKA = {name for name, service in SERVICES.items() if service["image"].startswith("apache/kafka:")}
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
SETTING = re.compile(r"PIPELINE_\w+")
# A tag that names a version down to the minor one at least.
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+[\w.-]*")


@functools.cache
def help_of(*command: str) -> str:
    """What `pipeline <command> --help` prints, without colours and line breaks of a terminal."""
    ran = subprocess.run(  # the command of this environment, as a container runs it
        [str(Path(sys.executable).with_name("pipeline")), *command, "--help"],
        env={**os.environ, "COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def one_shots() -> set[str]:
    """Services that end by themselves: somebody waits for their success."""
    return {
        name
        for service in SERVICES.values()
        for name, waiting in service.get("depends_on", {}).items()
        if waiting["condition"] == "service_completed_successfully"
    }


@pytest.mark.parametrize("name", OURS)
def test_every_service_runs_a_command_that_pipeline_knows(name: str):
    words = [word for word in SERVICES[name]["command"] if not word.startswith("-")]
    assert words
    for depth, word in enumerate(words):
        known = re.findall(r"[\w-]+", help_of(*words[:depth]))
        assert word in known, f"{word} is not in the help of: pipeline {' '.join(words[:depth])}"


def test_a_stage_has_a_service_of_its_own():
    commands = [tuple(SERVICES[name]["command"]) for name in OURS]
    assert {("run", stage) for stage in (*STAGES, "api")} <= set(commands)
    for stage in ("router", "sender"):
        assert SERVICES[stage]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_image_is_pinned_to_a_version(name: str):
    assert PINNED.fullmatch(SERVICES[name]["image"])


def test_the_images_that_ours_is_built_from_are_pinned_to_a_version():
    sources = re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert sources
    assert [source for source in sources if not PINNED.fullmatch(source)] == []


@pytest.mark.parametrize("tag", ["kafka", "kafka:latest", "kafka:4", "kafka:slim"])
def test_a_tag_that_moves_is_not_taken_for_pinned(tag: str):
    assert not PINNED.fullmatch(tag)


@pytest.mark.parametrize("name", sorted(set(SERVICES) - one_shots()))
def test_every_service_that_stays_has_a_health_check(name: str):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", sorted(set(OURS) - one_shots()))
def test_a_stage_is_healthy_when_it_says_that_it_is_ready(name: str):
    port = SERVICES[name]["environment"]["PIPELINE_STAGE__HEALTH_PORT"]
    assert f":{port}/readyz" in SERVICES[name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - KAFKA))
def test_containers_run_without_privileges_on_a_read_only_file_system(name: str):
    service = SERVICES[name]
    assert not service["user"].startswith(("0", "root"))
    assert service["read_only"] is True


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_container_gains_rights_or_takes_all_of_the_machine(name: str):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


def test_our_image_does_not_run_as_root_even_without_compose():
    users = re.findall(r"^USER (\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert users
    assert not users[-1].startswith(("0", "root"))


def test_the_variables_that_compose_sets_are_settings():
    # A misspelt variable would be ignored without a word.
    set_or_asked_for = set(SETTING.findall(COMPOSE_TEXT))
    assert len(set_or_asked_for) > 10
    assert set_or_asked_for <= set(valid_names())


def test_what_is_asked_of_the_environment_is_told_at_the_top_and_by_whoever_lacks_it():
    asked = re.findall(r"\$\{(\w+):(.)([^}]*)\}", COMPOSE_TEXT)
    demanded = {name for name, sign, _ in asked if sign == "?"}
    assert demanded == {"PIPELINE_SECRETS__KEY", "PIPELINE_API__OPERATOR_KEY", "POSTGRES_PASSWORD"}
    head = COMPOSE_TEXT.partition("\nname:")[0]
    for name, sign, text in asked:
        if sign == "?":
            assert f"{name}=" in head
            assert "openssl rand" in text
    given = {name for name, sign, _ in asked if sign == "-"}
    assert {name for name in given if not name.startswith("PIPELINE_")} == set()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_secret_stands_in_the_file(name: str):
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"KEY$|PASSWORD|STORE__URL", variable):
            assert "${" in value, variable


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_file_that_a_container_is_given_is_there(name: str):
    for volume in SERVICES[name].get("volumes", ()):
        source = volume.partition(":")[0]
        if source.startswith("."):
            assert volume.endswith(":ro")
            assert (ROOT / source).exists()
        else:
            assert source in COMPOSE["volumes"]


def test_ports_are_published_to_this_machine_alone_and_each_once():
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []
    assert len({port.split(":")[1] for port in published}) == len(published)


def test_the_brokers_find_each_other_and_keep_every_record_three_times():
    names = sorted(KAFKA)
    voters = ",".join(f"{number}@{name}:19093" for number, name in enumerate(names, 1))
    for number, name in enumerate(names, 1):
        given = SERVICES[name]["environment"]
        (published,) = SERVICES[name]["ports"]
        outside = published.split(":")[1]
        assert given["KAFKA_NODE_ID"] == number
        assert given["KAFKA_CONTROLLER_QUORUM_VOTERS"] == voters
        assert given["KAFKA_ADVERTISED_LISTENERS"] == (
            f"INTERNAL://{name}:19092,EXTERNAL://localhost:{outside}"
        )
        factors = {key: value for key, value in given.items() if key.endswith("REPLICATION_FACTOR")}
        assert len(factors) == 3
        assert set(factors.values()) == {len(names)}
        assert given["KAFKA_MIN_INSYNC_REPLICAS"] == len(names) - 1
    servers = ",".join(f"{name}:19092" for name in names)
    for name in OURS:
        assert SERVICES[name]["environment"]["PIPELINE_KAFKA__BOOTSTRAP_SERVERS"] == servers


def test_secrets_and_the_store_are_given_to_those_alone_that_need_them():
    assert holders_of("PIPELINE_SECRETS__KEY") == {"api", "sender"}
    assert holders_of("PIPELINE_STORE__URL") == {"api", "recorder"}
    assert holders_of("PIPELINE_API__OPERATOR_KEY") == {"api"}
    for name in ("api", "recorder"):
        assert SERVICES[name]["environment"]["PIPELINE_STORE__URL"].endswith(
            "@postgres:5432/pipeline"
        )
        assert "postgres" in SERVICES[name]["depends_on"]


def holders_of(variable: str) -> set[str]:
    return {name for name in OURS if variable in SERVICES[name]["environment"]}


def test_a_stage_is_given_longer_to_end_than_it_drains():
    drains_seconds = Settings.model_fields["stage"].default.drain_seconds
    for name in set(OURS) - one_shots():
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= drains_seconds + 5


def test_the_dashboard_is_shown_with_the_prometheus_beside_it():
    provisioning = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load(
        (provisioning / "datasources/prometheus.yaml").read_text(encoding="utf-8")
    )["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load(
        (provisioning / "dashboards/pipeline.yaml").read_text(encoding="utf-8")
    )["providers"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(provider["options"]["path"] + "/")
    assert f"./deploy/grafana/dashboard.json:{home}:ro" in SERVICES["grafana"]["volumes"]
    assert "./deploy/prometheus:/etc/prometheus:ro" in SERVICES["prometheus"]["volumes"]
    assert "--config.file=/etc/prometheus/prometheus.yaml" in SERVICES["prometheus"]["command"]
