"""Replays and redrives on the terminal, while they go on."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.cli.api_access import Api
from pipeline.cli.api_output import show_fields
from pipeline.cli.endings import CommandFailed
from pipeline.cli.terminal import notices, plain, say

_LOOK_SECONDS: Final = 0.5
_FINAL: Final = frozenset({"done", "cancelled", "failed"})

RateOption = Annotated[
    int | None, typer.Option(min=1, max=1000, help="Deliveries a second, at most (50).")
]
WaitOption = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Show how far it is until it has ended.")
]


@dataclass(frozen=True, slots=True)
class Showing:
    """What the caller wants to see."""

    wait: bool
    as_json: bool


def show_job(called: Api, path: str, job: Mapping[str, Any], showing: Showing) -> None:
    """Follow a job of this collection to its end, if that is wanted, and show it.

    Ctrl-C ends the command, not the job. Raises CommandFailed where the job has failed.
    """
    place = f"{path}/{job['id']}"
    if showing.wait:
        job = _followed(called, place, job)
    show_fields(job, as_json=showing.as_json)
    if job["status"] == "failed":
        raise CommandFailed(f"{job['id']}: {job['error']}")
    if job["status"] not in _FINAL:
        say(f"{job['id']} goes on by itself")


def _followed(called: Api, place: str, job: Mapping[str, Any]) -> Mapping[str, Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=notices(), transient=True) as shown:
        bar = shown.add_task(_line(job), total=None)
        while True:
            done = job["sent"] + job["skipped"]
            total = None if job["status"] == "counting" else job["matched"]
            shown.update(bar, description=_line(job), total=total, completed=done)
            if job["status"] in _FINAL:
                return job
            threading.Event().wait(_LOOK_SECONDS)
            job = called.get(place)


def _line(job: Mapping[str, Any]) -> str:
    return f"{plain(job['id'])} {plain(job['status'])}"
