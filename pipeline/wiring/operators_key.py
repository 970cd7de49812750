"""The operator's first key, as the settings or the data folder have it."""

from __future__ import annotations

import logging
from typing import Final

from pipeline.settings import Settings
from pipeline.supervisor.operator_key import ensure_operator_key, operator_key_file

log = logging.getLogger(__name__)

_SHORT_KEY_CHARS: Final = 24


def operator_key(settings: Settings) -> str | None:
    """The one that is set, or that `up` has made; None, and a line in the log, without either.

    Raises UnusableOperatorKey.
    """
    if settings.api.operator_key is not None:
        key = settings.api.operator_key.get_secret_value()
        if len(key) < _SHORT_KEY_CHARS:
            log.warning("PIPELINE_API__OPERATOR_KEY is short: use 32 random characters or more")
        return key
    if operator_key_file(settings.data_dir).exists():
        return ensure_operator_key(settings.data_dir).key
    log.warning("no operator's key: set PIPELINE_API__OPERATOR_KEY to make the first keys with it")
    return None
