"""The Helm chart, as its tests look at it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from pipeline.wiring.stages import API, STAGES
from tests.architecture.checkout import ROOT

CHART = ROOT / "deploy/chart"
PARTS = (*STAGES, API)
GIVEN = sorted((CHART / "ci").glob("*-values.yaml"))
SETTING = re.compile(r"PIPELINE_[A-Z0-9_]+[A-Z0-9]")
KAFKA_OPTION = re.compile(r"PIPELINE_KAFKA__OPTIONS__[A-Z.]+")


def document(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def values_schema() -> dict[str, Any]:
    return json.loads((CHART / "values.schema.json").read_bytes())


def templates() -> dict[str, str]:
    """The text of each, by its path in the chart."""
    found = (path for path in (CHART / "templates").rglob("*") if path.is_file())
    return {str(path.relative_to(CHART)): path.read_text(encoding="utf-8") for path in found}


def with_defaults(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What Helm makes of somebody's values: theirs over the chart's, member by member."""
    merged = dict(defaults)
    for name, value in given.items():
        below = merged.get(name)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[name] = with_defaults(
                cast("dict[str, Any]", value), cast("dict[str, Any]", below)
            )
        else:
            merged[name] = value
    return merged


def project_version() -> str:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return about["project"]["version"]
