"""What is right about a request beside its body, as a receiver of each product would check it.

Written from the products' documents, with the standard library and the reference verifier of
Standard Webhooks: nothing here may use what makes the requests. A problem is a text; none means
that the request is as it has to be.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature

from pipeline.demo.bodies import written_again
from pipeline.demo.keys import DemoKeys

try:
    import standardwebhooks  # part of the extra
except ImportError:
    standardwebhooks = None

HAS_VERIFIER: Final = standardwebhooks is not None
"""Whether the reference verifier is installed, without which nothing here can be used."""

_TOLERANCE_MS: Final = 300_000
_NEVER_SENT: Final = ("Expect", "Accept", "Accept-Encoding")
_ALWAYS_SENT: Final = ("webhook-id", "User-Agent")
_TWELVE_TWENTY_HEADER: Final = "X-12TWENTY-TOKEN"
_CALENSO_HEADER: Final = "Ocp-Apim-Subscription-Key"

Problems = list[str]


class Request(NamedTuple):
    """A request as it arrived, over plain http."""

    endpoint: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    at_ms: int

    def header(self, name: str) -> str:
        """Empty where there is none."""
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True, slots=True)
class Contract:
    """How to tell a product's request from one that only resembles it."""

    check: Callable[[Request, DemoKeys], Problems]
    checked: str
    """What is said of a request without problems."""
    content_type: str = "application/json"


def problems_of(request: Request, contract: Contract, keys: DemoKeys) -> Problems:
    """All that is wrong with the request beside its body."""
    problems = [f"{name} was sent" for name in _NEVER_SENT if request.header(name)]
    problems += [f"{name} is missing" for name in _ALWAYS_SENT if not request.header(name)]
    content_type = request.header("Content-Type")
    if content_type != contract.content_type:
        problems.append(f"Content-Type is {content_type!r}, not {contract.content_type!r}")
    return problems + contract.check(request, keys)


def _check_nothing(_request: Request, _keys: DemoKeys) -> Problems:
    return []


def _check_twelve_twenty(request: Request, _: DemoKeys) -> Problems:
    """The endpoint has a token, and it is for https alone."""
    if request.header(_TWELVE_TWENTY_HEADER):
        return [f"{_TWELVE_TWENTY_HEADER} was sent over plain http"]
    return []


def _check_twenty(request: Request, keys: DemoKeys) -> Problems:
    timestamp = request.header("X-Twenty-Webhook-Timestamp")
    if not timestamp.isdecimal():
        return [f"X-Twenty-Webhook-Timestamp is {timestamp!r}"]
    if abs(int(timestamp) - request.at_ms) > _TOLERANCE_MS:
        return [f"X-Twenty-Webhook-Timestamp {timestamp} is not of this attempt"]
    signed = f"{timestamp}:{written_again(request.body)}".encode()
    wanted = hmac.new(keys.text_secret.encode(), signed, hashlib.sha256).hexdigest()
    if request.header("X-Twenty-Webhook-Signature") != wanted:
        return ["X-Twenty-Webhook-Signature does not match"]
    return []


def _check_calenso(request: Request, keys: DemoKeys) -> Problems:
    if request.header(_CALENSO_HEADER) != keys.token:
        return [f"{_CALENSO_HEADER} is not what the customer chose"]
    return []


def _check_v1(request: Request, keys: DemoKeys) -> Problems:
    return _reference_problems(request, keys) + _tag_problems(request, ["v1"])


def _check_v1_and_v1a(request: Request, keys: DemoKeys) -> Problems:
    problems = _reference_problems(request, keys) + _tag_problems(request, ["v1", "v1a"])
    if problems:
        return problems
    signed = f"{request.header('webhook-id')}.{request.header('webhook-timestamp')}.".encode()
    try:
        signature = b64decode(dict(_signatures(request))["v1a"], validate=True)
        keys.ed25519_public.verify(signature, signed + request.body)
    except (InvalidSignature, ValueError):
        return ["the ed25519 signature does not match"]
    return []


def _reference_problems(request: Request, keys: DemoKeys) -> Problems:
    if standardwebhooks is None:
        return ["the reference verifier is not installed"]
    if "." in request.header("webhook-id"):
        return ["the webhook-id has a dot in it"]
    verifier = standardwebhooks.Webhook(keys.hmac_secret)
    try:
        verifier.verify(request.body, dict(request.headers), json_parse=False)
    except (standardwebhooks.WebhookVerificationError, ValueError) as exc:
        return [f"the reference verifier of Standard Webhooks says: {exc}"]
    return []


def _tag_problems(request: Request, wanted: list[str]) -> Problems:
    tags = sorted(tag for tag, _ in _signatures(request))
    return [] if tags == wanted else [f"signed with {tags}, not with {wanted}"]


def _signatures(request: Request) -> list[tuple[str, str]]:
    each = request.header("webhook-signature").split(" ")
    return [(tag, value) for tag, _, value in (text.partition(",") for text in each)]


def _check_cloud_event(request: Request, _: DemoKeys) -> Problems:
    return [] if request.header("WebHook-Request-Origin") else ["names no WebHook-Request-Origin"]


_CONTRACT_OF_STANDARD: Final = Contract(_check_v1, "HMAC (v1)")

CONTRACTS: Final[Mapping[str, Contract]] = {
    "twelve-twenty": Contract(_check_twelve_twenty, "no token: http"),
    "twelve-build": Contract(_check_nothing, "unsigned"),
    "twenty": Contract(_check_twenty, "HMAC"),
    "timekit": Contract(_check_nothing, "unsigned"),
    "calenso": Contract(_check_calenso, "key header"),
    "calenso-flat": Contract(_check_nothing, "unsigned"),
    "standard-webhooks": _CONTRACT_OF_STANDARD,
    "standard-webhooks-ed25519": Contract(_check_v1_and_v1a, "HMAC + ed25519"),
    "cloudevents": Contract(
        _check_cloud_event, "origin", content_type="application/cloudevents+json"
    ),
}
"""By their names in scenario.yaml."""
