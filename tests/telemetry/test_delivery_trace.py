"""One delivery's trace, from its producer to its receiver: real stages, a real collector."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import NamedTuple

import pytest

from pipeline.domain.endpoint import Account, Endpoint, RetryPolicy
from tests.kafka_broker import SessionBroker
from tests.receiver import Answer, Receiver, Request, receiving
from tests.running_pipeline import RunningPipeline, eventually, running_pipeline
from tests.telemetry.otlp_collector import Collected, OtlpCollector, collecting_otlp
from tests.telemetry.trace_tree import trace_tree

PARENT_SPAN = "b7ad6b7169203331"
RETRIED, DEAD, UNSAMPLED = (f"{number:032x}" for number in (0xA1, 0xA2, 0xA3))


class Rig(NamedTuple):
    pipeline: RunningPipeline
    receiver: Receiver
    collector: OtlpCollector

    def publish(self, account: str, headers: list[tuple[str, str | bytes | None]]) -> None:
        event: dict[str, object] = {
            "account": account,
            "type": "order.paid",
            "id": f"evt-{account}",
            "subject": "order/1",
            "data": {},
        }
        topic = self.pipeline.topology.events
        value = json.dumps(event).encode()
        self.pipeline.producer.produce(topic, value, account.encode(), headers=headers)
        assert self.pipeline.producer.flush(30) == 0

    def wait_for_spans(self, count: int, trace_id: str) -> list[Collected]:
        eventually(
            lambda: len(self.collector.of_trace(trace_id)) >= count,
            text=lambda: f"{len(self.collector.of_trace(trace_id))} of {count} spans came",
        )
        return self.collector.of_trace(trace_id)


@pytest.fixture(scope="module")
def rig(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Generator[Rig]:
    folder = tmp_path_factory.mktemp("traced")
    with (
        receiving() as receiver,
        collecting_otlp() as collector,
        running_pipeline(
            broker.bootstrap_servers,
            folder,
            PIPELINE_TELEMETRY__OTLP_ENDPOINT=collector.address,
            PIPELINE_TELEMETRY__SAMPLE_RATIO="0",
            OTEL_BSP_SCHEDULE_DELAY="100",
        ) as pipeline,
    ):
        retries = {"retried": (1_000,), "dead": (), "unsampled": (), "untraced": ()}
        for account, delays_ms in retries.items():
            pipeline.put_account(Account(account, "twelve-twenty"))
            pipeline.put_endpoint(
                Endpoint(
                    f"ep-{account}",
                    account,
                    "twelve-twenty",
                    "",
                    url=receiver.url(f"/{account}/secret-token?key=secret"),
                    retry=RetryPolicy(delays_ms),
                )
            )
        pipeline.run()
        yield Rig(pipeline, receiver, collector)


def traceparents(rig: Rig, account: str, count: int) -> list[str | None]:
    path = f"/{account}/secret-token?key=secret"
    return [each.header("traceparent") for each in rig.receiver.wait_for(count, path=path)]


def fail_first(rig: Rig):
    def behaviour(request: Request) -> Answer:
        is_first = len(rig.receiver.to(request.path)) == 1
        return Answer(503 if is_first else 204)

    return behaviour


def test_one_trace_leads_from_the_producer_over_a_retry_to_the_receiver_and_the_store(rig: Rig):
    rig.receiver.behaviour = fail_first(rig)
    producers = f"00-{RETRIED}-{PARENT_SPAN}-01"
    rig.publish(
        "retried", [("traceparent", producers.encode()), ("tracestate", b"vendor=internal")]
    )
    sent = traceparents(rig, "retried", 2)
    spans = rig.wait_for_spans(6, RETRIED)
    prefix = rig.pipeline.prefix
    print(trace_tree(spans, prefix=prefix))  # noqa: T201 - the README's example is this
    names = [(span.service.removeprefix("pipeline-"), span.name, span.kind) for span in spans]
    assert sorted(names) == sorted(
        [
            ("router", f"process {prefix}events", "CONSUMER"),
            ("sender", "POST", "CLIENT"),
            ("recorder", f"process {prefix}attempts", "CONSUMER"),
            ("scheduler", f"process {prefix}retry.1s", "CONSUMER"),
            ("sender", "POST", "CLIENT"),
            ("recorder", f"process {prefix}attempts", "CONSUMER"),
        ]
    )
    (router,) = (span for span in spans if span.service == "pipeline-router")
    (scheduler,) = (span for span in spans if span.service == "pipeline-scheduler")
    first, second = (span for span in spans if span.service == "pipeline-sender")
    recorders = [span for span in spans if span.service == "pipeline-recorder"]
    assert router.parent_id == PARENT_SPAN
    assert first.parent_id == router.span_id
    assert scheduler.parent_id == first.span_id
    assert second.parent_id == scheduler.span_id
    assert {span.parent_id for span in recorders} == {first.span_id, second.span_id}
    assert sent == [first.traceparent, second.traceparent]
    requests = rig.receiver.to("/retried/secret-token?key=secret")
    assert [each.header("tracestate") for each in requests] == [None, None]


def test_spans_speak_the_words_of_the_semantic_conventions(rig: Rig):
    spans = rig.wait_for_spans(6, RETRIED)
    prefix = rig.pipeline.prefix
    router = next(span for span in spans if span.service == "pipeline-router")
    offset, partition = (
        router.attributes[f"messaging.{name}"]
        for name in ("kafka.offset", "destination.partition.id")
    )
    assert router.attributes == {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": f"{prefix}events",
        "messaging.destination.partition.id": partition,
        "messaging.kafka.offset": offset,
        "messaging.consumer.group.name": f"{prefix}router",
        "pipeline.event.id": "evt-retried",
        "pipeline.event.type": "order.paid",
        "pipeline.account": "retried",
    }
    first, second = (span for span in spans if span.service == "pipeline-sender")
    common = {
        "http.request.method": "POST",
        "url.full": f"http://127.0.0.1:{rig.receiver.port}/REDACTED",
        "server.address": "127.0.0.1",
        "server.port": rig.receiver.port,
        "pipeline.delivery.id": first.attributes["pipeline.delivery.id"],
        "pipeline.event.id": "evt-retried",
        "pipeline.endpoint.id": "ep-retried",
    }
    assert first.attributes == {
        **common,
        "pipeline.attempt": 1,
        "pipeline.decision": "retry",
        "http.response.status_code": 503,
        "error.type": "503",
        "network.peer.address": "127.0.0.1",
    }
    assert first.status == "error"
    assert second.attributes == {
        **common,
        "pipeline.attempt": 2,
        "pipeline.decision": "delivered",
        "http.request.resend_count": 1,
        "http.response.status_code": 204,
    }
    assert second.status == ""
    recorder = next(span for span in spans if span.service == "pipeline-recorder")
    # Both attempts' records may have waited for one transaction.
    assert recorder.attributes["messaging.batch.message_count"] in {1, 2}
    assert recorder.attributes["messaging.consumer.group.name"] == f"{prefix}recorder"


def test_a_dead_letter_is_the_end_of_its_deliverys_trace(rig: Rig):
    rig.receiver.behaviour = lambda _: Answer(500)
    rig.publish("dead", [("traceparent", f"00-{DEAD}-{PARENT_SPAN}-01".encode())])
    spans = rig.wait_for_spans(4, DEAD)
    (attempt,) = (span for span in spans if span.service == "pipeline-sender")
    assert attempt.attributes["pipeline.decision"] == "dead"
    recorded = {span.name: span.parent_id for span in spans if "recorder" in span.service}
    assert recorded == {
        f"process {rig.pipeline.prefix}attempts": attempt.span_id,
        f"process {rig.pipeline.prefix}dead-letter": attempt.span_id,
    }


def test_who_decided_against_sampling_is_obeyed_and_the_receiver_gets_the_trace_as_it_is(rig: Rig):
    rig.receiver.behaviour = lambda _: Answer()
    producers = f"00-{UNSAMPLED}-{PARENT_SPAN}-00"
    rig.publish("unsampled", [("traceparent", producers.encode())])
    assert traceparents(rig, "unsampled", 1) == [producers]
    rig.publish("untraced", [])
    assert traceparents(rig, "untraced", 1) == [None]
    eventually(lambda: {"unsampled", "untraced"} <= {a.account for a in rig.pipeline.attempts()})
    rig.pipeline.stop("router", "sender", "scheduler", "recorder")  # what they still had is sent
    assert {span.trace_id for span in rig.collector.spans} == {RETRIED, DEAD}
