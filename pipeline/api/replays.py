"""`/v1/replays`: past events, routed again."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.endpoint_access import seen_account, seen_endpoint
from pipeline.api.job_checks import check_active, check_types, read_span
from pipeline.api.job_models import NewReplay, Replay, ReplayList, replay_of
from pipeline.api.job_ports import JobOrders, JobPorts
from pipeline.api.listing import FromList
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import FieldError, invalid
from pipeline.api.store_work import in_thread
from pipeline.domain.job import JobKind, JobOrder, Only


def router(ports: JobPorts) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/replays", tags=["Replays"])
    orders = JobOrders(ports, JobKind.REPLAY)
    _add_writes(routes, orders, ports)
    _add_reads(routes, orders)
    return routes


def _add_writes(routes: APIRouter, orders: JobOrders, ports: JobPorts) -> None:
    @routes.post(
        "",
        operation_id="createReplay",
        summary="Route past events again, for one endpoint or for those of an account.",
        description=(
            "As routing would decide now: also for endpoints that were made later than the events."
            " Each request carries `Webhook-Replay` with the replay's id, and the `webhook-id` of"
            " the first time unless `new_ids` asks for others. It runs by itself, and no faster"
            " than its endpoints take it."
        ),
        status_code=202,
        responses=problem_responses(403, 404, 409),
    )
    async def create_replay(caller: FromCaller, given: NewReplay) -> Replay:
        caller.check_writes()
        order = _with_times(orders.new_order(), given)
        return replay_of(
            await orders.begin(caller, await in_thread(_addressed, ports, caller, order))
        )

    @routes.delete(
        "/{replay}",
        operation_id="cancelReplay",
        summary="Write nothing more; what was written is sent.",
        status_code=204,
        response_class=Response,
        responses=problem_responses(403, 404),
    )
    async def cancel_replay(caller: FromCaller, replay: str) -> None:
        caller.check_writes()
        await orders.cancel(caller, replay)


def _add_reads(routes: APIRouter, orders: JobOrders) -> None:
    @routes.get(
        "",
        operation_id="listReplays",
        summary="Replays, the newest first.",
        responses=problem_responses(),
    )
    async def list_replays(caller: FromCaller, piece: FromList) -> ReplayList:
        part = orders.page(caller, piece)
        return ReplayList(items=[replay_of(job) for job in part.items], next=part.next)

    @routes.get(
        "/{replay}",
        operation_id="readReplay",
        summary="How far a replay is.",
        responses=problem_responses(404),
    )
    async def read_replay(caller: FromCaller, replay: str) -> Replay:
        return replay_of(orders.found(caller, replay))


def _with_times(order: JobOrder, given: NewReplay) -> JobOrder:
    """Raises Problem (422)."""
    since_ms, until_ms = read_span(given.since, given.until)
    if (given.endpoint is None) == (given.account is None):
        raise invalid([FieldError("/endpoint", "give either an endpoint or an account")])
    check_types(given.event_types)
    return replace(
        order,
        endpoint=given.endpoint,
        account=given.account,
        since_ms=since_ms,
        until_ms=until_ms,
        event_types=tuple(given.event_types),
        only=Only(given.only),
        new_ids=given.new_ids,
        dry_run=given.dry_run,
        rate_per_second=given.rate,
    )


def _addressed(ports: JobPorts, caller: Caller, order: JobOrder) -> JobOrder:
    """With the account of its endpoint. Raises Problem: 404, or 409 for one that gets nothing."""
    with ports.registry.reading() as reader:
        if order.endpoint is None:
            seen_account(reader, caller, order.account or "")
            return order
        endpoint = seen_endpoint(reader, caller, order.endpoint)
    if not order.dry_run:
        check_active(endpoint)
    return replace(order, account=endpoint.account)
