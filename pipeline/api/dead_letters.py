"""`/v1/dead-letters`: what finally failed."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.delivery_models import (
    DeadLetterBody,
    DeadLetterCounts,
    DeadLetterList,
    counts_body,
    dead_letter_body,
)
from pipeline.api.listing import FromList, Piece
from pipeline.api.log_filters import FromDeadLetterFilter
from pipeline.api.log_pages import page, place_of
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import not_found
from pipeline.api.store_work import in_thread
from pipeline.delivery_log import DeadLetterFilter, DeliveryLog, Place

_TAG: Final = "Dead letters"
_MOST_COUNTED: Final = 50_000
"""More would keep an answer waiting."""

_LetterId = Annotated[str, Path(max_length=512, examples=["dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C"])]


def router(log: DeliveryLog) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=[_TAG])

    @routes.get(
        "/v1/dead-letters",
        operation_id="listDeadLetters",
        summary="Dead letters, the newest first.",
        responses=problem_responses(404),
    )
    async def list_dead_letters(wanted: FromDeadLetterFilter, piece: FromList) -> DeadLetterList:
        return await in_thread(_list, log, wanted, piece)

    @routes.get(
        "/v1/dead-letters/counts",
        operation_id="countDeadLetters",
        summary="How many dead letters there are of each reason.",
        description=f"Among the newest {_MOST_COUNTED:,} that everything given admits.",
        responses=problem_responses(404),
    )
    async def count_dead_letters(wanted: FromDeadLetterFilter) -> DeadLetterCounts:
        found = await in_thread(log.reasons, wanted, most=_MOST_COUNTED)
        return counts_body(found, most=_MOST_COUNTED)

    @routes.get(
        "/v1/dead-letters/{letter:path}",
        operation_id="readDeadLetter",
        summary="One dead letter.",
        responses=problem_responses(404),
    )
    async def read_dead_letter(letter: _LetterId, caller: FromCaller) -> DeadLetterBody:
        return await in_thread(_read, log, caller, letter)

    return routes


def _list(log: DeliveryLog, wanted: DeadLetterFilter, piece: Piece) -> DeadLetterList:
    found = log.dead_letters(wanted, limit=piece.wanted, after=place_of(piece))
    part = page(found, piece, place=lambda one: Place(one.dead_at_ms, one.id))
    return DeadLetterList(items=[dead_letter_body(each) for each in part.items], next=part.next)


def _read(log: DeliveryLog, caller: Caller, letter_id: str) -> DeadLetterBody:
    letter = log.dead_letter(letter_id)
    if letter is None or caller.account not in {None, letter.account}:
        raise not_found(f"There is no dead letter {letter_id}.")
    return dead_letter_body(letter)
