import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from pipeline.settings import Settings
from tests.architecture.checkout import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
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
    assert {("run", stage) for stage in ("router", "sender", "scheduler", "recorder")} <= set(
        commands
    )


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


@pytest.mark.parametrize("name", OURS)
def test_our_containers_run_without_privileges_on_a_read_only_file_system(name: str):
    service = SERVICES[name]
    assert not service["user"].startswith(("0", "root"))
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_our_image_does_not_run_as_root_even_without_compose():
    users = re.findall(r"^USER (\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert users
    assert not users[-1].startswith(("0", "root"))


def test_the_variables_that_compose_sets_are_settings():
    # A misspelt variable would be ignored without a word.
    from_compose = {
        variable
        for name in OURS
        for variable in SERVICES[name]["environment"]
        if variable.startswith("PIPELINE_")
    }
    assert from_compose
    assert from_compose <= setting_names()


def setting_names() -> set[str]:
    """The environment variables that the settings read, as they would be written."""
    names: set[str] = set()
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            inner = (part.alias or key for key, part in group.model_fields.items())
            names |= {f"PIPELINE_{name}__{key}".upper() for key in inner}
        else:
            names.add(f"PIPELINE_{name}".upper())
    return names
