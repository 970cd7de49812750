"""Runs one scenario, from nothing to nothing."""

from __future__ import annotations

from benchmarks.ingest import ingest_rig, measured_ingest
from benchmarks.ingest_plan import ingest_plan
from benchmarks.latency import LatencyPlan, measured_latency
from benchmarks.neighbours import NeighbourPlan, measured_neighbours
from benchmarks.plans import LEAD_IN_SECONDS, WARM_UP_EVENTS, Amounts
from benchmarks.rig import Figures
from benchmarks.rigs import bare_rig, pipeline_rig
from benchmarks.scenario import Kind, Scenario
from benchmarks.throughput import measured_throughput
from benchmarks.tracing import measured_tracing, traced_rig


def measured(scenario: Scenario, amounts: Amounts) -> Figures:
    """Its figures. Raises BenchmarkFailed."""
    match scenario.kind:
        case Kind.BARE_LOOP:
            with bare_rig(scenario.name) as rig:
                return measured_throughput(rig, amounts.steady_plan())
        case Kind.INGEST:
            return _ingested(scenario, amounts)
        case Kind.TRACING:
            with traced_rig(scenario.name, scenario.rig) as traced:
                return measured_tracing(traced, amounts.tracing_plan())
        case _:
            return _measured_of_all(scenario, amounts)


def _measured_of_all(scenario: Scenario, amounts: Amounts) -> Figures:
    """Of the whole pipeline."""
    with pipeline_rig(scenario.name, scenario.rig) as rig:
        match scenario.kind:
            case Kind.THROUGHPUT:
                return measured_throughput(rig, amounts.steady_plan())
            case Kind.BACKLOG:
                return measured_throughput(rig, amounts.backlog_plan())
            case Kind.LATENCY:
                assert scenario.per_second is not None
                plan = LatencyPlan(
                    amounts.latency_seconds, WARM_UP_EVENTS, LEAD_IN_SECONDS, scenario.per_second
                )
                return measured_latency(rig, scenario.rig.pipeline.layout, plan)
            case Kind.NEIGHBOURS:
                assert scenario.behaviour is not None
                pace = NeighbourPlan(
                    amounts.neighbour_seconds, amounts.neighbour_per_second, WARM_UP_EVENTS
                )
                return measured_neighbours(rig, pace, scenario.behaviour)
            case _:
                raise AssertionError(f"{scenario.kind} has a rig of its own")


def _ingested(scenario: Scenario, amounts: Amounts) -> Figures:
    assert scenario.events_a_request is not None
    plan = ingest_plan(
        scenario.name,
        amounts.deliveries,
        amounts.seconds,
        events_a_request=scenario.events_a_request,
        profile=amounts.profile,
    )
    with ingest_rig(scenario.rig.pipeline.layout) as rig:
        return measured_ingest(rig, plan)
