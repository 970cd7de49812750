"""Every metric: name, unit, meaning, attributes. Counters only.

A stage's facts are gauges of their own.
"""

from __future__ import annotations

from pipeline.telemetry.tally import Instrument

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
