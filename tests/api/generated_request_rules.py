"""Hooks of schemathesis: which refusals of requests that fit the OpenAPI document are right.

A document can say that a field is text, not that the text names an account that exists. Whatever
is refused without a rule here is a fault of the document or of the API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any, Final, NamedTuple

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.generation.meta import CoveragePhaseData

UNPROCESSABLE: Final = 422


class Rule(NamedTuple):
    """What may be refused though it has the form that the document asks for."""

    operations: str
    """A pattern of operation ids."""
    pointer: str
    """A pattern of the pointer to what is refused."""
    reason: str


RULES: Final = (
    Rule(".*", "#query/cursor", "only what an answer gave as `next` is a cursor"),
    Rule(
        ".*",
        "(#query)?/(since|until)",
        "times have a calendar, and one of them comes after the other",
    ),
    Rule(
        "(?i:.*(redrive|replay).*)",
        "/(account|endpoint)",
        "one of the two is given: an endpoint is one account's",
    ),
    Rule(
        "(create|update)Account",
        "/(profile|plan)",
        "profiles are defined by operators, and each has plans of its own",
    ),
    Rule(
        "(create|update)Endpoint",
        "/email",
        "an address has more form than a pattern that can be read says",
    ),
    Rule(
        "(create|update)Endpoint",
        "/profile",
        "profiles are defined by operators",
    ),
    Rule(
        "(create|update)Endpoint",
        "/url|/auth/token_url",
        "a URL is parsed more strictly than any format says, and its address is judged",
    ),
    Rule("create(Replay|Redrive)", "/event_types", "patterns of types are a language of their own"),
    Rule(
        "(create|update)Endpoint",
        "/event_types(/.*)?|/filter(/.*)?|/body(/.*)?|/headers(/.*)?|/metadata(/.*)?",
        "types, filters, formats and templates are languages of their own and depend on the"
        " profile; header names and sizes in bytes are no matter of JSON Schema",
    ),
    Rule(
        "(create|update)Endpoint|rotateEndpointSecret",
        "/secret|/signing(/.*)?|/signing_key|/auth(/.*)?",
        "the profile says whether and how requests are signed; keys and certificates are parsed",
    ),
    Rule(
        "(create|update)Endpoint|rotateEndpointSecret",
        "/retry(/.*)?|/timeout|/rate_limit(/.*)?|/overlap|/order",
        "durations as text have bounds, and the parts of a schedule depend on one another",
    ),
    Rule(
        "(create|update)Endpoint",
        "/max_in_flight",
        "JSON Schema takes 131.0 for an integer; here integers are written without a fraction",
    ),
    Rule("updateEndpoint", "", "an endpoint has to keep a URL or an address"),
    Rule("(create|update)Endpoint", "/description", "characters that are invisible are refused"),
    Rule("(create|update)Account", "/name", "characters that are invisible are refused"),
    Rule("createConsoleLink", "/expires_in", "durations as text have bounds"),
    Rule("putRelation", "/star", "the profile says which stars there are"),
    Rule("deactivateEndpoint", "/reason", "characters that are invisible are refused"),
    Rule(
        "testEndpoint|previewEndpoint|previewBody",
        "/type|/data(/.*)?",
        "the profile says which types there are",
    ),
    Rule(
        "previewBody",
        "/profile|/body(/.*)?",
        "formats and templates are languages of their own and depend on the profile",
    ),
    Rule(
        "(create|replace|update)EventType",
        "/sample|/schema(/.*)?",
        "a schema has to be one, and the sample has to fit it",
    ),
    Rule("createKey", "/account|/expires_at", "the account has to exist, and the time to come"),
    Rule(
        "(create|replace)Profile",
        "/[a-z_]+(/.*)?",
        "a profile is a document of its own, checked as the shipped ones are",
    ),
    Rule(
        "publishEvents?|tryEvent",
        "(/events/[0-9]+)?/(account|type|data(/.*)?|time|subject|id|metadata(/.*)?)",
        "accounts exist, types have schemas, times have a calendar, sizes are in bytes",
    ),
    Rule(
        "addRelationData|updateRelationData",
        "/value(/.*)?",
        "its size is in bytes",
    ),
)
EVENTS_OF_ANY_ID: Final = frozenset(("/v1/events/batch", "/v1/events/dry-run"))
"""An event may be called `batch`: it is read where batches are posted, and `Allow` says so."""
_addresses = count(1)


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - of a decorator of any function
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]
) -> None:
    """Each request is another address's: wrong keys of one are slowed down after a few."""
    del context, kwargs
    told = case.meta.phase.data if case.meta is not None else None
    if isinstance(told, CoveragePhaseData) and told.parameter == "Authorization":
        return  # a change would put the key back that is left out on purpose
    number = next(_addresses)
    case.headers["X-Forwarded-For"] = f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"  # pyright: ignore[reportUnknownMemberType] - of any values


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - of a decorator of any function
def filter_failure(
    context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Whether it is one: it stays unless rules account for all that was refused."""
    del context
    kind = failure.__class__.__name__
    if kind == "AllowHeaderMismatch":
        return case.path not in EVENTS_OF_ANY_ID
    if kind != "RejectedPositiveData":
        return True
    if response.status_code != UNPROCESSABLE:
        return True
    operation = str(case.operation.definition.raw["operationId"])
    pointers = [error["pointer"] for error in response.json().get("errors", ())]
    return not pointers or not all(any(_accounting(operation, at)) for at in pointers)


def _accounting(operation: str, pointer: str) -> Iterator[bool]:
    for rule in RULES:
        if re.fullmatch(rule.operations, operation) and re.fullmatch(rule.pointer, pointer):
            yield True
