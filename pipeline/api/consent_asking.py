"""Receivers asked for their consent, and what comes of their answers.

An endpoint is pending, and known as such everywhere, before its receiver is asked: it may answer
by calling back at once.
"""

from __future__ import annotations

from collections import deque
from hashlib import sha256
from typing import Final

from pipeline.api.endpoint_changes import Changed
from pipeline.api.endpoint_ports import ConsentPorts, ConsentQuestion, EndpointPorts
from pipeline.api.problems import Problem, not_found
from pipeline.api.store_work import in_thread
from pipeline.domain.consent import Consented, Refused
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.endpoint_status import UNCONSENTED, consented, per_minute, with_status
from pipeline.ports import StoreFailed

CALLBACK_PATH: Final = "/v1/handshakes/"
CALLBACK_DAYS: Final = 30
"""So long a callback is good for; afterwards an activation asks anew."""
QUESTIONS_A_MINUTE: Final = 30
"""Of one account: nobody is to be pestered through us."""

_DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000
_MOST_ACCOUNTS: Final = 10_000
_TOO_OFTEN: Final = "receivers were asked too often: activate it again in a minute"

_Answer = Consented | Refused


class ConsentAsking:
    """Event loop only."""

    def __init__(self, ports: EndpointPorts, asking: ConsentPorts) -> None:
        self._ports = ports
        self._asking = asking
        self._asked: dict[str, deque[int]] = {}

    async def settled(self, changed: Changed) -> Changed:
        """The change, known everywhere, and the receiver's answer where it had to be asked.

        Raises Problem (503): Kafka does not have the change yet. An answer that cannot be noted is
        as good as none: the endpoint stays pending.
        """
        await self._ports.outbox.wait(changed.sequence)
        if not changed.asks_consent:
            return changed
        endpoint = changed.endpoint
        answer = await self._answer(endpoint)
        try:
            noted = await in_thread(self._note, endpoint.id, _subject_of(endpoint), answer)
            await self._ports.outbox.wait(noted.sequence)
        except (StoreFailed, Problem):
            return changed
        return noted._replace(secret=changed.secret)

    async def called_back(self, token: str, consent: Consented) -> None:
        """A receiver calls back.

        Raises Problem: 404 where the token is none, or no longer one; 503.
        """
        found = self._read(token)
        if found is None:
            raise _no_handshake()
        noted = await in_thread(self._note, *found, consent)
        await self._ports.outbox.wait(noted.sequence)

    async def _answer(self, endpoint: Endpoint) -> _Answer:
        if not self._may_ask(endpoint.account):
            return Refused(_TOO_OFTEN)
        asking = self._asking
        question = ConsentQuestion(
            url=endpoint.url or "",
            origin=asking.origin,
            callback_url=self._callback_url(endpoint),
            per_minute=per_minute(endpoint.rate_limit),
        )
        return await asking.consent.ask_consent(question)

    def _may_ask(self, account: str) -> bool:
        now_ms = self._ports.now_ms()
        if len(self._asked) > _MOST_ACCOUNTS:
            self._asked.clear()
        times = self._asked.setdefault(account, deque(maxlen=QUESTIONS_A_MINUTE))
        if len(times) == QUESTIONS_A_MINUTE and 0 <= now_ms - times[0] < _MINUTE_MS:
            return False
        times.append(now_ms)
        return True

    def _callback_url(self, endpoint: Endpoint) -> str | None:
        public_url = self._asking.public_url
        if public_url is None:
            return None
        content = f"{endpoint.id} {self._ports.now_ms()} {_subject_of(endpoint)}"
        token = self._asking.tokens.issue(content.encode())
        return f"{public_url.rstrip('/')}{CALLBACK_PATH}{token}"

    def _read(self, token: str) -> tuple[str, str] | None:
        """The endpoint's id, and what its receiver was asked."""
        content = self._asking.tokens.content(token)
        if content is None:
            return None
        endpoint_id, asked_at_ms, subject = content.decode().split(" ")
        if self._ports.now_ms() - int(asked_at_ms) > CALLBACK_DAYS * _DAY_MS:
            return None
        return endpoint_id, subject

    def _note(self, endpoint_id: str, subject: str, answer: _Answer) -> Changed:
        """Raises Problem (404): the endpoint is gone, or its receiver was asked something else."""
        with self._ports.registry.writing() as writer:
            found = writer.endpoint(endpoint_id)
            if found is None:
                raise _no_handshake()
            writer.lock_account(found.account)
            present = writer.endpoint(endpoint_id)
            if present is None or not _is_asked(present, subject):
                raise _no_handshake()
            endpoint = _answered(present, answer, now_ms=self._ports.now_ms())
            if endpoint is present:
                return Changed(present)
            writer.put_endpoint(endpoint)
            writer.publish(self._ports.records.of_endpoint(endpoint))
            return Changed(endpoint, writer.sequence)


def _answered(present: Endpoint, answer: _Answer, *, now_ms: int) -> Endpoint:
    """Once it is active, further consent to the same changes nothing."""
    if present.status is not EndpointStatus.PENDING:
        return present
    if isinstance(answer, Consented):
        return consented(present, answer, now_ms=now_ms)
    reason = f"{UNCONSENTED}: {answer.reason}"
    return with_status(present, EndpointStatus.PENDING, reason, now_ms=now_ms)


def _is_asked(endpoint: Endpoint, subject: str) -> bool:
    if endpoint.status is EndpointStatus.ACTIVE:
        return True
    return endpoint.status is EndpointStatus.PENDING and _subject_of(endpoint) == subject


def _subject_of(endpoint: Endpoint) -> str:
    """What a consent is given to: a URL and a rate. Consent to another one is none."""
    asked = f"{endpoint.url}\n{per_minute(endpoint.rate_limit)}"
    return sha256(asked.encode()).hexdigest()[:32]


def _no_handshake() -> Problem:
    return not_found("There is no such handshake, or none any more.")
