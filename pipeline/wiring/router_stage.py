"""The router, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.start_positions import GroupStarts
from pipeline.adapters.kafka.topic_file import SourceStart
from pipeline.adapters.profile_files import read_profile_files
from pipeline.domain.body_problem import UndecodableBody
from pipeline.domain.document import DocumentError
from pipeline.domain.rendering import compile_body
from pipeline.resources import PROFILES_DIR
from pipeline.stages.router import Route, Router, RouterPorts
from pipeline.wiring.endpoint_cache import EndpointCache
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.domain.endpoint import BodyChoice, Endpoint
    from pipeline.domain.profile import Profile
    from pipeline.domain.rendering import CompiledBody
    from pipeline.flow import Partition
    from pipeline.ports import StartPositions
    from pipeline.wiring.stage_process import Opening, Parts

MOST_BODIES = 4096


class _Routes:
    """Endpoints of one profile that chose the same body share it, so that it is rendered once."""

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


class RouterStage:
    """Implements `StageDefinition`."""

    async def build(self, parts: Parts) -> BuiltStage:
        at = parts.surroundings
        routes = EndpointCache(_Routes(read_profile_files(PROFILES_DIR)).route)
        parts.tables.listen(routes.forget)
        router = Router(
            parts.loop,
            RouterPorts(
                outlet=parts.outlet,
                records=at.codec,
                directory=parts.tables.directory,
                route=routes.get,
                dead=parts.dead,
                tally=parts.tally,
                spans=parts.spans,
            ),
        )
        topics = tuple(source.topic for source in at.topic_file.sources)
        return BuiltStage(router, lambda: topics, (router.work,))

    def starts(self, opening: Opening) -> StartPositions:
        """Each source topic begins where topics.yaml says."""
        source = opening.source
        begins = {each.topic: each.start for each in opening.surroundings.topic_file.sources}

        def first_offset(partition: Partition) -> int:
            begin = begins[partition.topic]
            if begin is SourceStart.LATEST:
                return source.end_offset(partition)
            if begin is SourceStart.EARLIEST:
                return source.first_offset(partition)
            return source.offset_at(partition, int(begin))

        return GroupStarts(source, opening.memory, first_offset=first_offset)
