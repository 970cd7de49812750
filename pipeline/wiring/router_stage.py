"""The router, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.start_positions import GroupStarts
from pipeline.adapters.kafka.topic_file import SourceStart
from pipeline.domain.delivery_label import BY_EVENT
from pipeline.stages.router.deliveries_alone import DeliveriesAlone
from pipeline.stages.router.gates import TablesAndSchemas
from pipeline.stages.router.router import Router, RouterPorts
from pipeline.stages.router.routing import Routing
from pipeline.stages.router.routing_ports import RoutingPorts
from pipeline.stages.router.table_gate import TableGate
from pipeline.wiring.endpoint_cache import EndpointCache
from pipeline.wiring.endpoint_routes import EndpointRoutes
from pipeline.wiring.live_tables import ROUTING_TABLES
from pipeline.wiring.schema_reading import schema_loading
from pipeline.wiring.stage_process import BuiltStage

if TYPE_CHECKING:
    from pipeline.flow import Partition
    from pipeline.ports import StartPositions
    from pipeline.wiring.routing_apart import RoutingApart
    from pipeline.wiring.stage_process import Opening, Parts


class RouterStage:
    """Implements `StageDefinition`; with an `apart` it routes for one endpoint, from a time on."""

    tables = ROUTING_TABLES

    def __init__(self, apart: RoutingApart | None = None) -> None:
        self._apart = apart

    async def build(self, parts: Parts) -> BuiltStage:
        at = parts.surroundings
        tables = parts.tables
        apart = self._apart
        label = BY_EVENT if apart is None else apart.label
        routes = EndpointCache(EndpointRoutes(tables.profiles.get, at.codec, label=label).route)
        tables.listen(routes.forget)
        routing = Routing(
            RoutingPorts(
                records=at.codec,
                directory=tables.directory if apart is None else apart.of(tables.directory),
                stars=tables.stars,
                profiles=tables.profiles,
                route=routes.get,
                dead=parts.dead,
                tally=parts.tally,
                spans=parts.spans,
                group=parts.surroundings.group,
                label=label,
            )
        )
        gate = TableGate(lambda: tables.positions)
        loading = schema_loading(parts)
        router = Router(
            parts.loop,
            RouterPorts(
                outlet=parts.outlet,
                routing=routing if apart is None else DeliveriesAlone(routing),
                dead=parts.dead,
                tally=parts.tally,
                gate=gate if loading is None else TablesAndSchemas(gate, loading.admits),
                is_gate_for_all=loading is not None,
            ),
        )
        tables.listen(lambda _: router.on_tables())
        if loading is not None:
            loading.listen(router.on_tables)
        topics = tuple(source.topic for source in at.topic_file.sources)
        return BuiltStage(router, lambda: topics, (router.work,))

    def starts(self, opening: Opening) -> StartPositions:
        """Each source topic begins where topics.yaml says."""
        source, apart = opening.source, self._apart
        begins = {each.topic: each.start for each in opening.surroundings.topic_file.sources}

        def first_offset(partition: Partition) -> int:
            if apart is not None:
                return source.offset_at(partition, apart.since_ms)
            begin = begins[partition.topic]
            if begin is SourceStart.LATEST:
                since_ms = _first_start_ms(opening, partition.topic)
                # A topic that grew: what came to its new partition before we saw that is not old.
                if since_ms is not None:
                    return source.offset_at(partition, since_ms)
                return source.end_offset(partition)
            if begin is SourceStart.EARLIEST:
                return source.first_offset(partition)
            return source.offset_at(partition, int(begin))

        return GroupStarts(source, opening.memory, first_offset=first_offset)


def _first_start_ms(opening: Opening, topic: str) -> int | None:
    """When this group began to read this topic; None: it never has."""
    topic_id = opening.memory.topic_ids([topic]).get(topic)
    times = [
        known.decided_at_ms
        for (group, its, _), known in opening.memory.known().items()
        if (group, its, known.topic_id) == (opening.source.group, topic, topic_id)
    ]
    return min(times, default=None)
