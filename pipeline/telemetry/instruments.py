"""Every metric: name, unit, meaning, attributes. Counters are `Instrument`s, gauges `Fact`s."""

from __future__ import annotations

from pipeline.telemetry.tally import Fact, Instrument

RECORDS_READ = Instrument(
    "pipeline.records.read", "{record}", "Records taken from Kafka", "topic_kind"
)
EVENTS_ROUTED = Instrument("pipeline.events.routed", "{event}", "Events routed", "result")
RECORDS_WAITED = Instrument(
    "pipeline.records.waited",
    "{record}",
    "Events that came before the tables they follow, and those for which the tables never came",
    "result",
)
DELIVERIES_CREATED = Instrument(
    "pipeline.deliveries.created", "{delivery}", "Deliveries written to a topic"
)
ATTEMPTS = Instrument("pipeline.attempts", "{attempt}", "Attempts made", "outcome")
ATTEMPT_SECONDS = Instrument("pipeline.attempts.duration", "s", "Time spent in attempts, added up")
DELIVERY_SECONDS = Instrument(
    "pipeline.deliveries.duration",
    "s",
    "Time from the event to its acknowledgement, added up over accepted ones",
)
RETRIES = Instrument(
    "pipeline.retries", "{delivery}", "Deliveries that wait for another attempt", "tier"
)
PARKED = Instrument(
    "pipeline.parked", "{delivery}", "Deliveries put aside without spending an attempt"
)
HOPS = Instrument("pipeline.hops", "{record}", "Tiers elapsed", "to")
REPEATS_DROPPED = Instrument(
    "pipeline.repeats.dropped", "{delivery}", "Deliveries recognised as already tried"
)
DEAD_LETTERS = Instrument("pipeline.dead_letters", "{delivery}", "Dead letters written", "reason")
RECORDS_DELETED = Instrument(
    "pipeline.records.deleted", "{record}", "Finished records deleted from their logs"
)
ATTEMPTS_RECORDED = Instrument(
    "pipeline.attempts.recorded", "{attempt}", "Attempts written to the store", "result"
)
API_REQUESTS = Instrument(
    "pipeline.api.requests",
    "{request}",
    "Requests answered by the API",
    ("method", "route", "status_class"),
)
API_REQUEST_SECONDS = Instrument(
    "pipeline.api.requests.duration",
    "s",
    "Time from a request to its answer, added up",
    ("method", "route"),
)

PARTITIONS_OWNED = Fact("pipeline.partitions.owned", "{partition}", "Partitions that are read here")
PARTITIONS_HELD = Fact(
    "pipeline.partitions.held", "{partition}", "Partitions whose position is lost, read by nobody"
)
RECORDS_UNFINISHED = Fact("pipeline.records.unfinished", "{record}", "Records read, not finished")
RECORDS_BEHIND = Fact(
    "pipeline.records.behind",
    "{record}",
    "Records of the partitions read here from the first unfinished one to the end",
)
OLDEST_AGE = Fact(
    "pipeline.records.oldest_age",
    "s",
    "How long ago the oldest record that is read and not finished was written, within a batch",
)
PROGRESS_IDLE = Fact(
    "pipeline.progress.idle",
    "s",
    "How long no record was finished although there are some; 0 where there are none",
)
ENDPOINTS_FAILING = Fact(
    "pipeline.endpoints.failing", "{endpoint}", "Endpoints whose circuit is open here, or gone"
)
FAILING_AGE = Fact(
    "pipeline.endpoints.failing_age", "s", "How long the circuit that is open for longest has been"
)
