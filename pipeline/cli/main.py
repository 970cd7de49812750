"""The command `pipeline`: which commands there are, and how each ends for people and for the shell.

Exit status 0: done; 1: something did not work (Kafka does not answer, ...); 2: what was given
cannot be used.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

from pipeline.adapters.kafka.cluster import ClusterFailed
from pipeline.adapters.kafka.inquiry import KafkaRefused, KafkaUnreachable
from pipeline.adapters.kafka.schema_files import UnusableSchemas
from pipeline.adapters.kafka.topic_file import TopicFileError
from pipeline.cli.endings import BAD_INPUT, FAILED, BadInput, CommandFailed
from pipeline.cli.terminal import say
from pipeline.ports import SinkFailed, SourceFailed, StoreFailed
from pipeline.wiring.connection import NoKafka

COMMANDS: Final = {
    "up": "up_command",
    "demo": "demo_command",
    "run": "run_command",
    "topics": "topics_command",
    "acls": "acls_command",
    "sources": "sources_command",
    "accounts": "accounts_command",
    "endpoints": "endpoints_command",
    "relations": "relations_command",
    "profiles": "profiles_command",
    "event-types": "event_types_command",
    "keys": "keys_command",
    "operators": "operators_command",
    "tables": "tables_command",
    "store": "store_command",
    "secrets": "secrets_command",
    "export": "export_command",
    "import": "import_command",
    "publish": "publish_command",
    "deliveries": "deliveries_command",
    "statistics": "statistics_command",
    "tail": "tail_command",
    "listen": "listen_command",
    "lag": "lag_command",
    "dead-letters": "dead_letters_command",
    "replay": "replay_command",
    "offsets": "offsets_command",
    "doctor": "doctor_command",
    "plan": "plan_command",
}
"""Modules beside this one; each has a `register`."""

_FAILURES: Final = (
    *(CommandFailed, NoKafka, KafkaRefused, ClusterFailed),
    *(SourceFailed, SinkFailed, StoreFailed, UnusableSchemas),
)
_HINT: Final = "; is it running? `pipeline doctor` looks closer"


def main() -> None:
    """Run the command in `sys.argv`, and end with its status."""
    try:
        command_line(sys.argv[1:])(prog_name="pipeline")
    except (BadInput, TopicFileError) as exc:
        _end(str(exc), BAD_INPUT)
    except KafkaUnreachable as exc:
        _end(f"{exc}{_HINT}", FAILED)
    except _FAILURES as exc:
        _end(str(exc), FAILED)


def command_line(arguments: Sequence[str]) -> typer.Typer:
    """The commands, or the one that is called alone: all of them take two seconds to load."""
    app = typer.Typer(
        name="pipeline",
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # what is foreseeable is a line, the rest a traceback
        rich_markup_mode=None,
    )
    app.callback(epilog="`pipeline COMMAND --help` has examples.")(pipeline)
    called = arguments[0] if arguments and arguments[0] in COMMANDS else None
    for name, module in COMMANDS.items():
        if called in {None, name}:
            import_module(f"pipeline.cli.{module}").register(app)
    return app


def pipeline() -> None:
    """Deliver events from Kafka as webhooks.

    Settings are PIPELINE_... in the environment or in .env.
    """


def _end(text: str, status: int) -> None:
    say(text)
    sys.exit(status)
