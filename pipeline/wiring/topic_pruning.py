"""The delivery topics of endpoints that were removed long ago: judged, and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.inquiry import Inquiry
from pipeline.domain.topic_pruning import LogSpan, TopicJudge, TopicVerdict
from pipeline.flow import Partition
from pipeline.wiring.reach import Reach
from pipeline.wiring.table_reading import read_tables

_SENDER = "sender"


async def judged_topics(at: Reach, *, kept_ms: int, now_ms: int) -> tuple[TopicVerdict, ...]:
    """A verdict on each topic in Kafka that is an endpoint's own, in the order of their names.

    `kept_ms` is how long finished deliveries are kept.

    The tables' topics are believed, not the store: what the stages do follows from them.

    Raises:
        TablesUnread, KafkaUnreachable, KafkaRefused: nothing may be decided.
    """
    inquiry = at.inquiry()
    counts = {
        topic: count
        for topic, count in sorted(inquiry.topics().items())
        if at.topology.endpoint_of(topic) is not None
    }
    tables = await read_tables(at.connection, at.topology, codec=at.codec())
    judge = TopicJudge(tables.endpoints.values(), at.topology, kept_ms=kept_ms, now_ms=now_ms)
    spans = _spans(inquiry, at.group(_SENDER), counts, young_since_ms=now_ms - kept_ms)
    verdicts = (judge.judge(topic, spans[topic]) for topic in counts)
    return tuple(verdict for verdict in verdicts if verdict is not None)


def delete_topics(at: Reach, verdicts: Sequence[TopicVerdict]) -> None:
    """Delete those that may go. Raises ClusterFailed: some may be deleted, and some not."""
    Cluster(at.connection).delete([one.topic for one in verdicts if one.kept_because is None])


def _spans(
    inquiry: Inquiry, group: str, counts: Mapping[str, int], *, young_since_ms: int
) -> dict[str, list[LogSpan]]:
    partitions = [Partition(topic, n) for topic, count in counts.items() for n in range(count)]
    # The offsets first: what is appended meanwhile counts as unfinished.
    committed = inquiry.committed(group, partitions)
    young = inquiry.offsets_at(partitions, young_since_ms)
    bounds = inquiry.bounds(partitions)
    spans: dict[str, list[LogSpan]] = {topic: [] for topic in counts}
    for one in partitions:
        span = LogSpan(*bounds[one], committed.get(one), young.get(one))
        spans[one.topic].append(span)
    return spans
