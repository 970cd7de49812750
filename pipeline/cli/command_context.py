"""What commands that change the store need, opened, and closed when they end."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from pipeline.adapters.profile_files import ProfileFileError
from pipeline.adapters.sealing import UnusableKey
from pipeline.cli.endings import BadInput
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.wiring.endpoint_changes import ChangeContext, change_context
from pipeline.wiring.reach import reach


@contextmanager
def opened_context() -> Generator[ChangeContext]:
    """Of the settings. Raises BadInput, StoreFailed and what `reach` raises."""
    settings = load_settings()
    log_warnings_alone()
    at = reach(settings)
    try:
        context = change_context(settings)
    except (UnusableKey, ProfileFileError) as exc:
        raise BadInput(str(exc)) from exc
    except ValueError as exc:
        raise BadInput(f"PIPELINE_SENDING__...: {exc}") from exc
    try:
        yield replace(context, connection=at.connection, topics=at.topics())
    finally:
        context.store.close()
