"""Where log lines go: to standard error, librdkafka's among them without its repetitions."""

from __future__ import annotations

import logging
import time
from typing import Final

from pipeline.cli.endings import BadInput, nearest
from pipeline.cli.setting_names import name_of

_LIBRDKAFKA: Final = "librdkafka"
_HTTPX: Final = "httpx"
_QUIET_SECONDS: Final = 30.0
_MOST_REMEMBERED: Final = 1000
_FORMAT: Final = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(message)s"
_TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%S"


class _Once(logging.Filter):
    """Lets a line through once in half a minute: librdkafka repeats it whenever it connects."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage().partition(" (after ")[0]
        now = time.monotonic()
        if now - self._said.get(text, -_QUIET_SECONDS) < _QUIET_SECONDS:
            return False
        if len(self._said) >= _MOST_REMEMBERED:
            self._said.clear()
        self._said[text] = now
        return True


def log_to_stderr(level: str) -> None:
    """For a process that runs for long. Raises BadInput for a level that there is not."""
    levels = logging.getLevelNamesMapping()
    if level.upper() not in levels:
        name = name_of(("telemetry", "log_level"))
        raise BadInput(f"{name}: {level!r} is no level{nearest(level.upper(), levels)}")
    formatter = logging.Formatter(_FORMAT, _TIME_FORMAT)
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=levels[level.upper()], handlers=[handler])
    logging.getLogger(_LIBRDKAFKA).addFilter(_Once())
    logging.getLogger(_HTTPX).setLevel(logging.WARNING)  # a line for each request otherwise


def silent_logger() -> logging.Logger:
    """For a client whose failures are told in other words."""
    logger = logging.getLogger(f"{_LIBRDKAFKA}.silent")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def log_warnings_alone() -> None:
    """For a command that people look at: it says itself what matters, librdkafka says nothing."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    librdkafka = logging.getLogger(_LIBRDKAFKA)
    librdkafka.addHandler(logging.NullHandler())
    librdkafka.propagate = False
