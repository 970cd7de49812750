"""The settings as a command gets them, and what is wrong with them, a line for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from pipeline.cli.endings import BadInput, nearest
from pipeline.cli.setting_names import PREFIX, given_settings, name_of, problems_of, valid_names
from pipeline.settings import Settings

_OF_VALIDATOR: Final = "Value error, "


def load_settings() -> Settings:
    """All settings; an empty value is as good as none.

    Raises:
        BadInput: a name is not known or a value cannot be used; a line each.
    """
    lines = list(problems_of(given_settings()))
    if lines:
        raise BadInput(*lines)
    try:
        return Settings(_env_ignore_empty=True)  # pyright: ignore[reportCallIssue] - an option of pydantic-settings
    except ValidationError as exc:
        raise BadInput(*_lines_of(exc)) from exc
    except SettingsError as exc:
        raise BadInput(f"a setting cannot be read: {exc}") from exc


def _lines_of(problem: ValidationError) -> Iterator[str]:
    return (_line_of(error) for error in problem.errors(include_url=False, include_input=False))


def _line_of(error: ErrorDetails) -> str:
    name = name_of(error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{name}: there is no such setting{nearest(name, valid_names(), prefix=PREFIX)}"
    reason = error["msg"].removeprefix(_OF_VALIDATOR)
    return f"{name}: {reason[:1].lower()}{reason[1:]}"
