"""Why no body can be made of an event: each becomes a dead letter with its reason and its text."""

from __future__ import annotations

from typing import ClassVar

from pipeline.domain.delivery import Reason


class BodyProblem(Exception):
    """The event can have no body in this form, however often it is tried."""

    reason: ClassVar[Reason]


class NoSubject(BodyProblem):
    """The profile needs to know which object the event is about, and its subject does not say."""

    reason = Reason.NO_SUBJECT


class UndecodableBody(BodyProblem):
    """The event's data cannot be read, or cannot be written in the endpoint's form."""

    reason = Reason.UNDECODABLE


class OversizeBody(BodyProblem):
    """The data or what would be made of it is larger than is ever sent."""

    reason = Reason.OVERSIZE
