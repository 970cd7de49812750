"""The router, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.domain.body_problem import UndecodableBody
from pipeline.domain.document import DocumentError
from pipeline.domain.rendering import compile_body
from pipeline.stages.router import Route, Router, RouterPorts
from pipeline.wiring.endpoint_cache import EndpointCache
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.domain.endpoint import BodyChoice, Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.domain.rendering import CompiledBody
    from pipeline.wiring.stage_process import Parts

MOST_BODIES = 4096


class _Routes:
    """Endpoints of one profile that chose the same body share it compiled, so that it is rendered once."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = profiles
        self._bodies: dict[tuple[str, BodyChoice], CompiledBody] = {}

    def route(self, endpoint: Endpoint) -> Route:
        """Raises UndecodableBody where this version cannot make its bodies."""
        profile = self._profiles.get(endpoint.profile)
        if profile is None:
            raise UndecodableBody(f"the profile {endpoint.profile!r} is not known to this version")
        key = (endpoint.profile, endpoint.body)
        body = self._bodies.get(key)
        if body is None:
            if len(self._bodies) >= MOST_BODIES:
                self._bodies.clear()
            try:
                body = self._bodies[key] = compile_body(profile, endpoint.body)
            except DocumentError as error:
                raise UndecodableBody(f"body: {error}") from error
        return Route(profile, body)


def build_router(
    parts: Parts, profiles: Mapping[str, Profile], *, source_topics: Sequence[str]
) -> BuiltStage:
    """An intake over the source topics."""
    routes = EndpointCache(_Routes(profiles).route)
    parts.tables.listen(routes.forget)
    router = Router(
        parts.loop,
        RouterPorts(
            outlet=parts.outlet,
            records=parts.surroundings.codec,
            directory=parts.tables.directory,
            route=routes.get,
            dead=parts.dead,
            tally=parts.tally,
        ),
    )
    return BuiltStage(router, lambda: source_topics, (router.work,))
