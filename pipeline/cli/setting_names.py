"""The names of settings in the environment and in `.env`, and what is wrong with those given."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource

from pipeline.cli.endings import nearest
from pipeline.settings import Settings

PREFIX: Final = "PIPELINE_"
SEPARATOR: Final = "__"
DOT_ENV: Final = ".env"

# Kubernetes gives every pod such variables for every service, one called "pipeline" too.
_SERVICE_LINK: Final = re.compile(
    r"PIPELINE_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"
)
_SERVICE_URL: Final = re.compile(r"(tcp|udp|sctp)://")


class _Shape(NamedTuple):
    """What a name's value must be."""

    is_json: bool
    has_members: bool
    """Whether names below it are free (a mapping)."""


class Given(NamedTuple):
    """A setting that is there."""

    name: str
    value: str
    place: str
    """` (in .env)`, or nothing for the environment."""


def name_of(path: tuple[int | str, ...]) -> str:
    """The environment's name of a setting, from its place in `Settings`."""
    return PREFIX + SEPARATOR.join(str(part).upper() for part in path)


def valid_names() -> list[str]:
    """Every name that a setting has, those of whole groups left out."""
    return [
        name for name, shape in _shapes(Settings, ()) if not (shape.is_json and _is_group(name))
    ]


def problems_of(given: Iterator[Given]) -> Iterator[str]:
    """A line for each name that is not known, and each value that is not the JSON it has to be."""
    shapes = dict(_shapes(Settings, ()))
    free = tuple(name + SEPARATOR for name, shape in shapes.items() if shape.has_members)
    for setting in given:
        name = setting.name.upper()
        if name in shapes:
            if shapes[name].is_json and not _is_json(setting.value):
                yield f"{name}{setting.place}: not JSON; write it as {_example(name)}"
        elif not name.startswith(free):
            advice = nearest(name, valid_names(), prefix=PREFIX)
            yield f"{name}{setting.place}: there is no such setting{advice}"


def given_settings(environment: Mapping[str, str] = os.environ) -> Iterator[Given]:
    """What the environment and `.env` set with our prefix, empty values left out."""
    of_file = {
        name.upper(): value
        for name, value in DotEnvSettingsSource(Settings).env_vars.items()
        if value
    }
    of_process = {name.upper(): value for name, value in environment.items() if value}
    for name, value in sorted({**of_file, **of_process}.items()):
        if name.startswith(PREFIX) and not _is_service_link(name, value):
            yield Given(name, value, "" if name in of_process else f" (in {DOT_ENV})")


def _shapes(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[str, _Shape]]:
    for own_name, field in model.model_fields.items():
        here = (*path, field.alias or own_name)
        group = _group_of(field)
        origin = get_origin(field.annotation)
        yield (
            name_of(here),
            _Shape(group is not None or origin in {tuple, list, dict}, origin is dict),
        )
        if group is not None:
            yield from _shapes(group, here)


def _group_of(field: FieldInfo) -> type[BaseModel] | None:
    annotation: Any = field.annotation
    return (
        annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    )


def _is_group(name: str) -> bool:
    return SEPARATOR not in name


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _example(name: str) -> str:
    if name == name_of(("kafka", "options")):
        return '{"security.protocol": "SSL"}'
    if _is_group(name):
        return f"an object, or set {name}{SEPARATOR}... one by one"
    return '["127.0.0.0/8"]' if "NETWORKS" in name else '["a", "b"]'


def _is_service_link(name: str, value: str) -> bool:
    is_url = name.endswith("_PORT") and _SERVICE_URL.match(value) is not None
    return is_url or _SERVICE_LINK.fullmatch(name) is not None
