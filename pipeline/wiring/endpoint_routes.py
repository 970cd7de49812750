"""What the router needs of each endpoint, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.domain.body_problem import UndecodableBody
from pipeline.domain.delivery_parts import DeliveryStart
from pipeline.domain.document import DocumentError
from pipeline.domain.rendering import compile_body
from pipeline.stages.router.routing import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.domain.endpoint import BodyChoice, Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.domain.rendering import CompiledBody
    from pipeline.stages.router.delivery_records import DeliveryRecords

MOST_BODIES = 4096


class EndpointRoutes:
    """Endpoints of one profile that chose the same body share it, so that it is rendered once."""

    def __init__(self, profiles: Mapping[str, Profile], records: DeliveryRecords) -> None:
        self._profiles = profiles
        self._records = records
        self._bodies: dict[tuple[str, BodyChoice], CompiledBody] = {}

    def route(self, endpoint: Endpoint) -> Route:
        """Raises UndecodableBody where this version cannot make its bodies."""
        profile = self._profiles.get(endpoint.profile)
        if profile is None:
            raise UndecodableBody(f"the profile {endpoint.profile!r} is not known to this version")
        start = DeliveryStart(endpoint.id, endpoint.version)
        return Route(
            profile=profile,
            body=self._body(profile, endpoint),
            key=endpoint.id.encode(),
            start=self._records.encode_start(start),
        )

    def _body(self, profile: Profile, endpoint: Endpoint) -> CompiledBody:
        key = (endpoint.profile, endpoint.body)
        body = self._bodies.get(key)
        if body is None:
            if len(self._bodies) >= MOST_BODIES:
                self._bodies.clear()
            try:
                body = self._bodies[key] = compile_body(profile, endpoint.body)
            except DocumentError as error:
                raise UndecodableBody(f"body: {error}") from error
        return body
