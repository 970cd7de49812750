"""How a delivery stands, as a condition: what its row says, and whether it is held at present."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, and_, case, exists, false, not_, or_

from pipeline.adapters.storage.tables import accounts, deliveries, endpoints
from pipeline.delivery_log import Status
from pipeline.domain.delivery_state import State
from pipeline.domain.endpoint import EndpointStatus

_RESTING: Final = (EndpointStatus.INACTIVE.value, EndpointStatus.PENDING.value)
_IS_UNFINISHED: Final = deliveries.c.state < State.DEAD.value
_RECEIVES_NOTHING: Final = or_(
    exists().where(endpoints.c.id == deliveries.c.endpoint, endpoints.c.status.in_(_RESTING)),
    exists().where(accounts.c.id == deliveries.c.account, not_(accounts.c.webhooks_enabled)),
)

# Nobody is looked up for a delivery that is finished, as nearly all are.
IS_HELD: Final = case((_IS_UNFINISHED, _RECEIVES_NOTHING), else_=false())

_STATES: Final = {
    Status.PENDING: State.PENDING,
    Status.RETRYING: State.RETRYING,
    Status.DELIVERED: State.DELIVERED,
    Status.DEAD: State.DEAD,
    Status.DROPPED: State.DROPPED,
}


def has_status(status: Status) -> list[ColumnElement[bool]]:
    """The conditions under which a delivery is shown with this status."""
    if status is Status.HELD:
        return [and_(_IS_UNFINISHED, _RECEIVES_NOTHING)]
    state = _STATES[status]
    is_in_state = deliveries.c.state == state.value
    return [is_in_state] if state >= State.DEAD else [is_in_state, not_(_RECEIVES_NOTHING)]
