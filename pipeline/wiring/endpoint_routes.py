"""What the router needs of each endpoint, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.domain.admission import compile_conditions, unknown_profile
from pipeline.domain.body_problem import UndecodableBody
from pipeline.domain.delivery_label import BY_EVENT, DeliveryLabel
from pipeline.domain.delivery_parts import DeliveryStart
from pipeline.domain.document import DocumentError
from pipeline.domain.rendering import compile_body
from pipeline.stages.router.routing_ports import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.endpoint import BodyChoice, Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.domain.rendering import CompiledBody
    from pipeline.stages.router.delivery_records import DeliveryRecords

MOST_BODIES = 4096


class EndpointRoutes:
    """Endpoints of one profile that chose the same body share it, so that it is rendered once."""

    def __init__(
        self,
        profile_of: Callable[[str], Profile | None],
        records: DeliveryRecords,
        *,
        label: DeliveryLabel = BY_EVENT,
    ) -> None:
        self._profile_of = profile_of
        self._records = records
        self._label = label
        self._bodies: dict[tuple[str, BodyChoice], tuple[Profile, CompiledBody]] = {}

    def route(self, endpoint: Endpoint) -> Route:
        """Raises UndecodableBody where this version cannot make its bodies."""
        profile = self._profile_of(endpoint.profile)
        if profile is None:
            raise unknown_profile(endpoint.profile)
        conditions = compile_conditions(endpoint, profile)
        label = self._label
        start = DeliveryStart(
            endpoint.id, endpoint.version, cause=label.cause, cause_id=label.cause_id
        )
        return Route(
            body=self._body(profile, endpoint),
            conditions=conditions,
            is_open=conditions.is_none,
            key=endpoint.id.encode(),
            start=self._records.encode_start(start),
        )

    def _body(self, profile: Profile, endpoint: Endpoint) -> CompiledBody:
        key = (endpoint.profile, endpoint.body)
        known = self._bodies.get(key)
        if known is not None and known[0] is profile:
            return known[1]
        if len(self._bodies) >= MOST_BODIES:
            self._bodies.clear()
        try:
            body = compile_body(profile, endpoint.body)
        except DocumentError as error:
            raise UndecodableBody(f"body: {error}") from error
        self._bodies[key] = profile, body
        return body
