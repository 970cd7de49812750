"""`/v1/dead-letters/redrive`: dead letters, sent again."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.endpoint_access import seen_account, seen_endpoint
from pipeline.api.job_checks import check_active, check_types, read_span
from pipeline.api.job_models import NewRedrive, Redrive, RedriveList, redrive_of
from pipeline.api.job_ports import JobOrders, JobPorts
from pipeline.api.listing import FromList
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import FieldError, invalid
from pipeline.api.store_work import in_thread
from pipeline.domain.job import JobKind, JobOrder

COUNT_SECONDS: Final = 5.0
"""So long an answer waits for the count."""


def router(ports: JobPorts) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/dead-letters/redrive", tags=["Dead letters"])
    orders = JobOrders(ports, JobKind.REDRIVE)
    _add_writes(routes, orders, ports)
    _add_reads(routes, orders)
    return routes


def _add_writes(routes: APIRouter, orders: JobOrders, ports: JobPorts) -> None:
    @routes.post(
        "",
        operation_id="createRedrive",
        summary="Send dead letters again, with the bodies and the `webhook-id` that they had.",
        description=(
            "Those that everything given admits; nothing given: all. What was delivered since is"
            " left out. It runs by itself, and no faster than its endpoints take it. `count` is"
            f" null where counting takes longer than {COUNT_SECONDS:g} s."
        ),
        status_code=202,
        responses=problem_responses(403, 404, 409),
    )
    async def create_redrive(caller: FromCaller, given: NewRedrive) -> Redrive:
        caller.check_writes()
        order = _with_times(orders.new_order(), given)
        job = await orders.begin(caller, await in_thread(_addressed, ports, caller, order))
        return redrive_of(await orders.counted(job.order.id, within_seconds=COUNT_SECONDS))

    @routes.delete(
        "/{redrive}",
        operation_id="cancelRedrive",
        summary="Write nothing more; what was written is sent.",
        status_code=204,
        response_class=Response,
        responses=problem_responses(403, 404),
    )
    async def cancel_redrive(caller: FromCaller, redrive: str) -> None:
        caller.check_writes()
        await orders.cancel(caller, redrive)


def _add_reads(routes: APIRouter, orders: JobOrders) -> None:
    @routes.get(
        "",
        operation_id="listRedrives",
        summary="Redrives, the newest first.",
        responses=problem_responses(),
    )
    async def list_redrives(caller: FromCaller, piece: FromList) -> RedriveList:
        part = orders.page(caller, piece)
        return RedriveList(items=[redrive_of(job) for job in part.items], next=part.next)

    @routes.get(
        "/{redrive}",
        operation_id="readRedrive",
        summary="How far a redrive is.",
        responses=problem_responses(404),
    )
    async def read_redrive(caller: FromCaller, redrive: str) -> Redrive:
        return redrive_of(orders.found(caller, redrive))


def _with_times(order: JobOrder, given: NewRedrive) -> JobOrder:
    """Raises Problem (422)."""
    since_ms, until_ms = read_span(given.since, given.until)
    if given.endpoint is not None and given.account is not None:
        raise invalid([FieldError("/account", "leave it out: the endpoint is one account's")])
    check_types(given.event_types)
    return replace(
        order,
        endpoint=given.endpoint,
        account=given.account,
        reason=given.reason,
        event_types=tuple(given.event_types),
        ids=tuple(given.ids),
        since_ms=since_ms,
        until_ms=until_ms,
        rate_per_second=given.rate,
    )


def _addressed(ports: JobPorts, caller: Caller, order: JobOrder) -> JobOrder:
    """For the caller's own account at most. Raises Problem: 404, or 409."""
    with ports.registry.reading() as reader:
        if order.endpoint is not None:
            endpoint = seen_endpoint(reader, caller, order.endpoint)
            check_active(endpoint)
            return replace(order, account=endpoint.account)
        if order.account is not None:
            seen_account(reader, caller, order.account)
    return order if caller.account is None else replace(order, account=caller.account)
