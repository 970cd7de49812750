"""`python -m benchmarks.replay_beside_live`: what live events notice of a replay of past ones."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from benchmarks.children import BenchmarkFailed
from benchmarks.endpoint_layouts import EndpointLayout, TopicKind
from benchmarks.events import SourceRecord
from benchmarks.machine import load_average
from benchmarks.marks import busy_others, cpu_used, mark_of
from benchmarks.pacing import (
    NS_PER_MS,
    Stretch,
    arrivals,
    percentiles_ms,
    publish_evenly,
)
from benchmarks.publisher import Publisher
from benchmarks.receiving import OBSERVANT
from benchmarks.rig import Rig
from benchmarks.rigs import RigPlan, pipeline_rig
from benchmarks.running_pipeline import PipelinePlan
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.domain.identifiers import new_id
from pipeline.domain.job import DEFAULT_RATE, JobKind, JobOrder, order_record
from pipeline.resources import SCHEMAS_DIR

ACCOUNTS: Final = 8
"""Of one endpoint each; a replay for each, which is as many as run at once."""
MOST_RATIO: Final = 1.5
"""Of the 99th percentiles."""
_SLICE_SECONDS: Final = 1.0
_FIRST_ROUND: Final = 8_000
_REPLAY_SECONDS: Final = 3_600.0
"""Of one round, at the most."""
_LEAST_APART_SECONDS: Final = 0.05
"""Between two rounds' events, so that a time parts them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Rounds of two stretches each: live events alone, and beside a share of the replay.

    Nothing of the first counts: the broker's Java compiles what it has not done before.
    """

    events: int
    """Of all rounds that count."""
    rounds: int
    quiet_seconds: float
    per_second: float
    """Live events."""
    replayed_per_second: int
    """What all replays together may write."""

    @property
    def all_rounds(self) -> int:
        return 1 + self.rounds

    def replayed_in(self, number: int) -> int:
        """How many events are replayed in a round."""
        of_a_round = self.events // self.rounds // ACCOUNTS * ACCOUNTS
        return of_a_round if number else min(of_a_round, _FIRST_ROUND)


@dataclass(slots=True)
class Took:
    """Latencies of live events, milliseconds."""

    alone: list[float] = field(default_factory=list[float])
    beside: list[float] = field(default_factory=list[float])
    replay_seconds: float = 0.0
    replayed: int = 0


class _Beside:
    """Publishes live events, whose numbers follow those of the past ones."""

    def __init__(self, rig: Rig, plan: Plan) -> None:
        self._rig = rig
        self._plan = plan
        self._publisher = Publisher(rig.servers, rig.load.topic, linger_ms=0)
        self._next = 0
        self.bounds_ms: list[int] = []
        """Between them lie the past events of a round."""

    def publish_past(self) -> None:
        """As fast as they go; returns when all were delivered for the first time."""
        plan = self._plan
        self._bound()
        for each in range(plan.all_rounds):
            for number in range(self._next, self._next + plan.replayed_in(each)):
                self._publisher.publish(self._rig.load.record(number))
                self._publisher.serve()
            self._next += plan.replayed_in(each)
            self._publisher.flush()
            self._bound()
        arrivals(self._rig, set(range(self._next)))

    def _bound(self) -> None:
        time.sleep(_LEAST_APART_SECONDS)
        self.bounds_ms.append(time.time_ns() // NS_PER_MS)
        time.sleep(_LEAST_APART_SECONDS)

    def alone(self) -> Iterator[list[float]]:
        """Slice by slice, as beside a replay."""
        for _ in range(round(self._plan.quiet_seconds / _SLICE_SECONDS)):
            yield self._slice()

    def _slice(self) -> list[float]:
        """How long each of its events took."""
        events = int(_SLICE_SECONDS * self._plan.per_second)
        stretch = Stretch(self._next, events, self._plan.per_second)
        self._next += events
        sent_ns = publish_evenly(self._rig, stretch, self._publisher)
        arrived_ns = arrivals(self._rig, set(sent_ns))
        return [(arrived_ns[number] - at_ns) / NS_PER_MS for number, at_ns in sent_ns.items()]

    def beside_replay(self, number: int) -> Iterator[list[float]]:
        """Slice by slice, until all of a round's past events have come once more."""
        wanted = self._plan.replayed_in(number)
        live, before = 0, self._rig.receiver.received().requests
        _order_replays(self._rig, self._plan, self.bounds_ms[number : number + 2])
        deadline = time.monotonic() + _REPLAY_SECONDS
        while self._rig.receiver.received().requests - before - live < wanted:
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"the replay did not end within {_REPLAY_SECONDS:g} s")
            took = self._slice()
            live += len(took)
            yield took


def _order_replays(rig: Rig, plan: Plan, between_ms: list[int]) -> None:
    """One of each account, as the API orders them."""
    assert rig.topology is not None
    codec = RecordCodec(load_schemas(SCHEMAS_DIR))
    publisher = Publisher(rig.servers, rig.topology.jobs)
    now_ms = time.time_ns() // NS_PER_MS
    for number in range(ACCOUNTS):
        record = order_record(
            JobOrder(
                id=new_id("rpl", now_ms=now_ms, entropy=number.to_bytes(10, "big")),
                kind=JobKind.REPLAY,
                created_at_ms=now_ms,
                account=f"account-{number}",
                since_ms=between_ms[0],
                until_ms=between_ms[1],
                rate_per_second=max(1, plan.replayed_per_second // ACCOUNTS),
            )
        )
        publisher.publish(SourceRecord(record.key, codec.encode_job(record)))
    publisher.flush()


def measured_beside(rig: Rig, plan: Plan) -> Took:
    """Raises BenchmarkFailed: an event did not come, or a replay did not end."""
    beside = _Beside(rig, plan)
    beside.publish_past()
    took = Took()
    for number in range(plan.all_rounds):
        print(f"round {number}" if number else "before it counts", flush=True)
        alone, _ = _measured(rig, "  alone", beside.alone())
        with_replay, seconds = _measured(
            rig, f"  beside {plan.replayed_in(number):,} replayed", beside.beside_replay(number)
        )
        if number:
            took.alone += alone
            took.beside += with_replay
            took.replay_seconds += seconds
            took.replayed += plan.replayed_in(number)
    return took


def _measured(rig: Rig, title: str, slices: Iterator[list[float]]) -> tuple[list[float], float]:
    """What all of them took, and how many seconds that was."""
    began, before = time.monotonic(), mark_of(rig)
    all_ms = [each for one in slices for each in one]
    seconds, after = time.monotonic() - began, mark_of(rig)
    _tell(title, all_ms)
    used = cpu_used(before, after)
    cpu = ", ".join(f"{name} {100 * each / seconds:.0f}" for name, each in used.items())
    print(
        f"    in {seconds:.0f} s; % of a core: {cpu};"
        f" others {busy_others(before, after):.1f} cores; load average {load_average()}",
        flush=True,
    )
    return all_ms, seconds


def _tell(title: str, took_ms: list[float]) -> None:
    figures = percentiles_ms("", took_ms)
    told = ", ".join(f"{name.removesuffix('_ms')} {each:.1f}" for name, each in figures.items())
    print(f"{title}: {told} ms of {len(took_ms):,} events", flush=True)


def main(words: list[str]) -> int:
    """Exit status 1 if the ratio is larger than it may be, or nothing could be measured."""
    given = _parser().parse_args(words)
    logging.basicConfig(level=logging.ERROR)
    plan = Plan(given.events, given.rounds, given.quiet, given.per_second, given.rate)
    layout = EndpointLayout(ACCOUNTS, ACCOUNTS, TopicKind(given.topics))
    print(f"load average before: {load_average()}")
    try:
        rig_plan = RigPlan(PipelinePlan(layout), receiver=OBSERVANT)
        with pipeline_rig("replay-beside-live", rig_plan) as rig:
            took = measured_beside(rig, plan)
    except BenchmarkFailed as exc:
        print(f"not measured: {exc}")
        return 1
    _tell("all rounds, alone", took.alone)
    _tell("all rounds, beside the replay", took.beside)
    alone, beside = (percentiles_ms("", each) for each in (took.alone, took.beside))
    ratios = {name: beside[f"{name}_ms"] / alone[f"{name}_ms"] for name in ("p50", "p99")}
    print(
        f"{took.replayed:,} replayed at {took.replayed / took.replay_seconds:,.0f}/s; ratio"
        f" p50 {ratios['p50']:.2f}, p99 {ratios['p99']:.2f} (at most {MOST_RATIO})"
    )
    return 0 if ratios["p99"] <= MOST_RATIO else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.replay_beside_live", description=__doc__
    )
    parser.add_argument("--events", type=int, default=100_000, help="replayed (default 100,000)")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--quiet", type=float, default=20.0, help="seconds without a replay")
    parser.add_argument("--per-second", type=float, default=300.0, help="live events")
    parser.add_argument(
        "--rate",
        type=int,
        default=3 * DEFAULT_RATE,
        help="most replayed a second, by all replays together (default %(default)s: what three"
        " replays write that nobody has told otherwise)",
    )
    parser.add_argument("--topics", choices=[*TopicKind], default=TopicKind.SHARED.value)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
