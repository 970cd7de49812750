"""Lanes that may not send now: what becomes of what waits in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.domain.delivery import Reason
from pipeline.domain.endpoint import EndpointStatus

if TYPE_CHECKING:
    from pipeline.stages.sender.giving_up import GivingUp
    from pipeline.stages.sender.lane import Lane
    from pipeline.stages.sender.lanes import Lanes


class Clearing:
    """Empties lanes. A topic of an endpoint's own waits in its log; the shared one cannot."""

    def __init__(self, lanes: Lanes, giving_up: GivingUp, *, shared_topic: str) -> None:
        self._lanes = lanes
        self._giving_up = giving_up
        self._shared_topic = shared_topic

    def is_shared(self, lane: Lane) -> bool:
        """Whether what waits in it came by the shared topic; something must be there."""
        return lane.queue[0].record.partition.topic == self._shared_topic

    def may_send(self, lane: Lane) -> bool:
        """Whether its endpoint gets anything now; if not, the lane is cleared where it must be."""
        if lane.recipient.is_active:
            return True
        if lane.recipient.endpoint.status == EndpointStatus.REMOVED:
            self._bury_all(lane, Reason.ENDPOINT_REMOVED)
        elif self.is_shared(lane):
            self._clear_shared(lane)
        return False

    def spill(self, lane: Lane) -> None:
        """Its circuit is open: what is here waits in a tier, and no attempt is spent."""
        if lane.circuit.is_gone:
            self._bury_all(lane, Reason.INACTIVE)
        else:
            self._lanes.empty(lane, lambda item: self._giving_up.park(lane, item))

    def _clear_shared(self, lane: Lane) -> None:
        if lane.recipient.endpoint.status == EndpointStatus.ACTIVE:  # its account is switched off
            self._lanes.empty(lane, lambda item: self._giving_up.hold(lane, item))
        else:
            self._bury_all(lane, Reason.INACTIVE)

    def _bury_all(self, lane: Lane, reason: Reason) -> None:
        self._lanes.empty(lane, lambda item: self._giving_up.bury(item, reason))
