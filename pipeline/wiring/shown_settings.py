"""Settings and versions as the console may show them: nothing secret is in what is made here."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final, cast

from pydantic import BaseModel, SecretStr

from pipeline.api.console.pages.system import ShownSetting
from pipeline.settings import Settings

MASK: Final = "***"
_UNSET: Final = "\N{EN DASH}"
_SECRET_OPTION: Final = re.compile(r"pass|secret|key|token|jaas|cred|pem|config", re.IGNORECASE)
_USER_INFO: Final = re.compile(r"(?<=://)[^/@\s]*@")
_PACKAGES: Final = ("webhook-pipeline", "confluent-kafka", "fastapi", "sqlalchemy", "uvicorn")


def shown_settings(settings: Settings) -> list[ShownSetting]:
    """Each by the name that the environment has for it, in their order."""
    return list(_settings(settings, Settings.model_construct(), prefix="PIPELINE_"))


def shown_versions() -> list[tuple[str, str]]:
    """Of what runs here."""
    found = [("Python", platform.python_version())]
    for name in _PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found


def _settings(present: BaseModel, default: BaseModel, *, prefix: str) -> Iterator[ShownSetting]:
    for name, field in type(present).model_fields.items():
        value, usual = getattr(present, name), getattr(default, name, field.default)
        env_name = f"{prefix}{(field.alias or name).upper()}"
        if isinstance(value, BaseModel):
            yield from _settings(value, usual, prefix=f"{env_name}__")
        else:
            yield ShownSetting(env_name, _shown(value), value == usual)


def _shown(value: object) -> str:
    """Secrets masked: whole, in options that are named like one, and in URLs."""
    if value is None or value in ((), {}, ""):
        return _UNSET
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, Mapping):
        options = cast("Mapping[str, object]", value)
        return json.dumps(
            {
                name: MASK if _SECRET_OPTION.search(name) else _without_user(str(option))
                for name, option in options.items()
            }
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = cast("Sequence[object]", value)
        return ", ".join(
            MASK if isinstance(item, SecretStr) else _without_user(str(item)) for item in items
        )
    return _without_user(str(value))


def _without_user(text: str) -> str:
    return _USER_INFO.sub(f"{MASK}@", text)
