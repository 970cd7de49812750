"""`pipeline acls`: the least rights of each part, as a list, as commands, or put in force."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from pipeline.cli.acl_lines import commands, grid, shown
from pipeline.cli.endings import BadInput, nearest
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.log_lines import log_warnings_alone
from pipeline.cli.terminal import examples, output, write_json
from pipeline.domain.least_rights import Part
from pipeline.settings import Settings
from pipeline.wiring.configuration import topic_file
from pipeline.wiring.granting import Grant, default_principal, grants, put_in_force
from pipeline.wiring.reach import reach

_group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="What each part may do in Kafka at the least, for clusters with access control lists.",
)

_PRINCIPAL: Final = re.compile(r"[A-Za-z]+:\S.*")
_ANY_SERVER: Final = "broker-1:9093"

Parts = Annotated[
    list[Part] | None,
    typer.Argument(help="For these alone; all if none is given.", show_default=False),
]
Principals = Annotated[
    list[str] | None,
    typer.Option(
        "--principal",
        help="Who: `router=User:wh-router` for one part, `User:wh` for all that have none.",
        show_default="User:webhooks-router and so on, by the prefix of the topics",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@_group.command(
    epilog=examples(
        "pipeline acls plan",
        "pipeline acls plan sender --principal User:CN=sender,O=Example",
        "pipeline acls plan --principal User:pipeline --commands > acls.sh",
    ),
)
def plan(
    parts: Parts = None,
    principal: Principals = None,
    *,
    as_commands: Annotated[
        bool, typer.Option("--commands", help="Write calls of Kafka's own kafka-acls.sh.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what each part needs, and why. Kafka is not asked and nothing is changed.

    The names are those of your prefix and of the sources in topics.yaml. In the table a name that
    ends with * stands for all that begin so.
    """
    settings = load_settings()
    wanted = _wanted(settings, parts, principal)
    if as_json:
        write_json({"rights": [shown(one) for one in wanted]})
    elif as_commands:
        servers = settings.kafka.bootstrap_servers or _ANY_SERVER
        for line in commands(wanted, servers=servers):
            typer.echo(line)
    else:
        output().print(grid(wanted))


@_group.command(
    epilog=examples(
        "pipeline acls apply",
        "pipeline acls apply router sender --principal User:pipeline",
    ),
)
def apply(parts: Parts = None, principal: Principals = None, *, as_json: AsJson = False) -> None:
    """Allow what `plan` lists. Nothing is taken from anybody, and no user is made.

    The user of PIPELINE_KAFKA__OPTIONS needs Describe and Alter on the cluster for it, which no
    part of the pipeline needs otherwise.
    """
    settings = load_settings()
    log_warnings_alone()
    wanted = _wanted(settings, parts, principal)
    at = reach(settings)
    at.inquiry().seen()
    added = put_in_force(at, wanted)
    if as_json:
        write_json({"added": added, "rights": [shown(one) for one in wanted]})
    elif added:
        typer.echo(f"allowed {added} operations, for {_whom(wanted)}")
    else:
        typer.echo("nothing to do: all of it is allowed already")


def _whom(wanted: Sequence[Grant]) -> str:
    return ", ".join(dict.fromkeys(one.principal for one in wanted))


def _wanted(
    settings: Settings, parts: Sequence[Part] | None, given: Sequence[str] | None
) -> tuple[Grant, ...]:
    file = topic_file(settings)
    for_all, single = _principals(given or ())
    chosen = parts or tuple(Part)
    unused = [part for part in single if part not in chosen]
    if unused:
        raise BadInput(f"--principal {unused[0]}=...: {unused[0]} is not among {', '.join(chosen)}")
    principals = {
        part: single.get(part) or for_all or default_principal(part, file) for part in chosen
    }
    return grants(principals, file)


def _principals(given: Sequence[str]) -> tuple[str | None, dict[Part, str]]:
    """The one for all parts, and those of single parts."""
    for_all: str | None = None
    single: dict[Part, str] = {}
    for text in given:
        name, equals, principal = text.partition("=")
        if equals and ":" not in name:
            if name not in {*Part}:
                raise BadInput(f"--principal {text}: there is no {name}{nearest(name, Part)}")
            single[Part(name)] = _checked(principal, text)
        else:
            for_all = _checked(text, text)
    return for_all, single


def _checked(principal: str, text: str) -> str:
    if not _PRINCIPAL.fullmatch(principal):
        raise BadInput(f"--principal {text}: write User:name, as Kafka calls the user")
    return principal


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(_group, name="acls")
