"""Where receivers call back to consent (CloudEvents web hook 1.0, section 4.1.3). No key is needed.

The URL is the secret: 256 bits that only the receiver was told, good for what it was asked.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel, WithJsonSchema

from pipeline.api.consent_asking import CALLBACK_PATH, ConsentAsking
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import FieldError, invalid
from pipeline.domain.consent import ALLOWED_RATE, Consented, Refused, judge_callback

TAG: Final = "Handshakes"
_PATH: Final = CALLBACK_PATH + "{token}"
_MAX_TOKEN_CHARS: Final = 512

Token = Annotated[str, Path(max_length=_MAX_TOKEN_CHARS)]
AllowedRate = Annotated[
    str | None,
    Header(
        alias=ALLOWED_RATE,
        description="At most so many requests a minute, or `*`.",
        examples=["120"],
    ),
    WithJsonSchema({"type": "string", "pattern": r"^(0*[1-9][0-9]*|\*)$"}),
]


class Thanks(BaseModel):
    """Thank you."""

    status: str = "granted"


def router(consents: ConsentAsking) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=[TAG])

    @routes.get(
        _PATH,
        operation_id="grantConsentByLink",
        summary="Consent to be sent webhooks, with a browser.",
        responses=problem_responses(404, 422),
    )
    async def grant_by_link(token: Token, allowed_rate: AllowedRate = None) -> Thanks:
        await consents.called_back(token, _allowed(allowed_rate))
        return Thanks()

    @routes.post(
        _PATH,
        operation_id="grantConsent",
        summary="Consent to be sent webhooks.",
        responses=problem_responses(404, 422),
    )
    async def grant(token: Token, allowed_rate: AllowedRate = None) -> Thanks:
        await consents.called_back(token, _allowed(allowed_rate))
        return Thanks()

    return routes


def _allowed(allowed_rate: str | None) -> Consented:
    """Raises Problem (422): the rate is none."""
    headers = () if allowed_rate is None else ((ALLOWED_RATE, allowed_rate),)
    answer = judge_callback(headers, asked_per_minute=None)
    if isinstance(answer, Refused):
        raise invalid([FieldError(f"#header/{ALLOWED_RATE}", answer.reason)])
    return answer
