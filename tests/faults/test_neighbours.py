"""An endpoint that hangs costs its neighbours nothing, in own topics and in the shared one."""

from __future__ import annotations

import pytest

from pipeline.domain.endpoint import Account, Endpoint
from tests.receiver import Answer, Receiver, Request
from tests.running_pipeline import RunningPipeline, eventually

DELIVERIES = 400
FAST = "fast14"
NAMES = ("hangs", FAST)
"""In the shared topic both have the same partition (murmur2, of 8): neighbours indeed."""


@pytest.mark.faults
@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["own", "shared"])
def test_all_of_a_fast_endpoints_deliveries_arrive_while_its_neighbour_hangs(
    pipeline: RunningPipeline, receiver: Receiver, kind: str
) -> None:
    def hang_or_accept(request: Request) -> Answer:
        return Answer(delay_seconds=50.0 if request.path == "/hangs" else 0.0)

    receiver.behaviour = hang_or_accept
    topic = pipeline.topology.shared_delivery if kind == "shared" else ""
    pipeline.put_account(Account("mixed", "twelve-twenty"))
    for name in NAMES:
        pipeline.put_endpoint(
            Endpoint(
                name,
                "mixed",
                "twelve-twenty",
                topic,
                url=receiver.url(f"/{name}"),
                timeout_ms=60_000,
            )
        )
    pipeline.run()
    pipeline.publish([_event(0)])
    receiver.wait_for(1, path="/hangs")
    pipeline.publish(_event(number) for number in range(1, DELIVERIES))
    receiver.wait_for(DELIVERIES, path=f"/{FAST}", seconds=45)
    assert not [request for request in receiver.accepted if request.path == "/hangs"]
    eventually(lambda: len({r.webhook_id for r in receiver.to(f"/{FAST}")}) == DELIVERIES)
    assert len(receiver.to(f"/{FAST}")) == DELIVERIES


def _event(number: int) -> dict[str, object]:
    return {"account": "mixed", "type": "made", "id": f"x{number}", "data": {"n": number}}
