"""What runs replays and redrives, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipeline.adapters.kafka.job_logs import KafkaJobLogs
from pipeline.adapters.kafka.placing import KafkaPlacing
from pipeline.clock import now_ms
from pipeline.domain.delivery_label import of_replay
from pipeline.domain.job import JobKind
from pipeline.domain.job_selection import ChosenRecipients
from pipeline.stages.jobs.ports import JobPorts
from pipeline.stages.jobs.redriving import RedriveSource
from pipeline.stages.jobs.replaying import ReplaySource, Rerouting
from pipeline.stages.jobs.rests import Rests
from pipeline.stages.jobs.runner import JobRunner
from pipeline.stages.router.routing import Routing
from pipeline.stages.router.routing_ports import RoutingPorts
from pipeline.stages.scheduler.forgetting import Forgetting, ForgettingPorts, Forgotten
from pipeline.wiring.endpoint_routes import EndpointRoutes
from pipeline.wiring.job_following import FollowedJobs
from pipeline.wiring.schema_reading import schema_loading
from pipeline.wiring.stage_process import FLUSH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.adapters.kafka.schema_loading import SchemaLoading
    from pipeline.domain.delivery_label import DeliveryLabel
    from pipeline.domain.job import JobOrder
    from pipeline.stages.jobs.ports import JobSource
    from pipeline.stages.router.routing_ports import Recipients
    from pipeline.wiring.stage_process import Parts

DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class OpenedJobs:
    """What goes on beside the scheduler, for ever."""

    runner: JobRunner
    forgetting: Forgetting


async def opened_jobs(parts: Parts, *, is_mine: Callable[[], bool]) -> OpenedJobs:
    """Return when the jobs are in memory."""
    at = parts.surroundings
    jobs = FollowedJobs(at.connection, at.codec, topic=at.topology.jobs)
    await jobs.follow(parts.loop.fail, parts.closing)
    logs = KafkaJobLogs(at.connection, senders=f"{at.settings.kafka.topic_prefix}sender")
    parts.closing.callback(logs.close)
    loading = schema_loading(parts)
    placing = KafkaPlacing(at.connection, on_failed=parts.loop.fail)
    parts.closing.push_async_callback(placing.close, wait_seconds=FLUSH_SECONDS)
    runner = JobRunner(
        JobPorts(
            table=jobs.table,
            source=lambda order: _source(order, parts, loading),
            logs=logs,
            placing=placing,
            records=at.codec,
            directory=parts.tables.directory,
            rests=Rests(),
            jobs_topic=at.topology.jobs,
            attempts_topic=at.topology.attempts,
            now_ms=now_ms,
            is_mine=is_mine,
        )
    )
    settings = at.settings
    waits_ms = settings.sending.max_wait_days * DAY_MS
    forgetting = Forgetting(
        ForgettingPorts(
            tables=(
                Forgotten(at.topology.jobs, jobs.table.ended_before, settings.archive.after_ms),
                Forgotten(
                    at.topology.interventions,
                    parts.tables.interventions.older_than,
                    # No copy of a delivery waits for longer, and then some.
                    waits_ms + WEEK_MS,
                ),
            ),
            take_back=placing.take_back,
            is_mine=is_mine,
            now_ms=now_ms,
            round_seconds=settings.stage.janitor_seconds,
        )
    )
    return OpenedJobs(runner, forgetting)


def _routing_to(recipients: Recipients, label: DeliveryLabel, parts: Parts) -> Routing:
    """The router's own routing, for these alone."""
    at, tables = parts.surroundings, parts.tables
    # Not kept by endpoint: a job ends, and who listens to the tables does not.
    routes = EndpointRoutes(tables.profiles.get, at.codec, label=label)
    return Routing(
        RoutingPorts(
            records=at.codec,
            directory=recipients,
            stars=tables.stars,
            profiles=tables.profiles,
            route=routes.route,
            dead=parts.dead,
            tally=parts.tally,
            spans=parts.spans,
            label=label,
        )
    )


def _source(order: JobOrder, parts: Parts, loading: SchemaLoading | None) -> JobSource:
    at, tables = parts.surroundings, parts.tables
    if order.kind is JobKind.REDRIVE:
        return RedriveSource(
            order, at.topology.dead_letter, at.codec, among=tables.directory, dead=parts.dead
        )
    recipients = ChosenRecipients(tables.directory, account=order.account, endpoint=order.endpoint)
    label = of_replay(order.id, new_ids=order.new_ids)
    return ReplaySource(
        order,
        [source.topic for source in at.topic_file.sources],
        Rerouting(
            _routing_to(recipients, label, parts).routed,
            at.codec.decode_delivery,
            at.codec.is_surely_of_others,
            None if loading is None else loading.wait_admitted,
        ),
        recipients=recipients,
    )
