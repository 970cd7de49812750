"""A record that kills every process that touches it becomes a dead letter, and no other does."""

from __future__ import annotations

import pytest

from pipeline.domain.caution import ALONE_CRASHES, HEAD_CRASHES
from pipeline.domain.delivery import DeadLetter, Reason
from pipeline.domain.endpoint import Account, Endpoint
from tests.faults.counting import count
from tests.faults.dying_stage import DEADLY
from tests.receiver import Answer, Receiver
from tests.running_pipeline import STAGES, RunningPipeline, eventually

SENT = 300
DEADLY_AT = 117


@pytest.mark.faults
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "stage",
    [
        "sender",
        pytest.param("recorder", marks=pytest.mark.soak),
        pytest.param("router", marks=pytest.mark.soak),
    ],
)
def test_the_culprit_alone_becomes_a_dead_letter(
    pipeline: RunningPipeline, receiver: Receiver, stage: str
) -> None:
    _set_up(pipeline, receiver)
    pipeline.publish(_event(number) for number in range(SENT))
    pipeline.run(*(other for other in STAGES if other != stage))
    pipeline.program = ("-m", "tests.faults.dying_stage")
    pipeline.start(stage)
    deaths = 0

    def is_found() -> bool:
        nonlocal deaths
        if pipeline.processes[(stage, 0)].poll() is not None:
            deaths += 1
            pipeline.start(stage)
        return bool(_culprits(pipeline))

    eventually(is_found, seconds=120, text=lambda: f"{deaths} deaths, none found")
    # The first death may find a head that moves before the next.
    assert HEAD_CRASHES + 1 + ALONE_CRASHES <= deaths <= 2 * HEAD_CRASHES + 1 + ALONE_CRASHES
    pipeline.publish(_event(number) for number in range(SENT, SENT + 50))
    wanted = set(range(SENT + 50)) - ({DEADLY_AT} if stage != "recorder" else set())
    eventually(
        lambda: count(pipeline, receiver, "poison", sent=SENT + 50).accepted == wanted,
        seconds=60,
        text=lambda: str(wanted - count(pipeline, receiver, "poison", sent=SENT + 50).accepted),
    )
    assert pipeline.processes[(stage, 0)].poll() is None
    (letter,) = pipeline.dead_letters()
    assert (letter.reason, letter.source.topic) == (Reason.CRASHED, _topic(pipeline, stage))
    assert letter.raw is not None
    assert DEADLY.encode() in letter.raw
    # What was found is not forgotten by the next owner.
    pipeline.kill(stage)
    pipeline.run(stage)
    assert len(pipeline.dead_letters()) == 1


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(120)
def test_kills_that_no_record_is_to_blame_for_give_nothing_up(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    receiver.behaviour = lambda _: Answer(delay_seconds=1.5)
    _set_up(pipeline, receiver)
    pipeline.publish(_event(number) for number in range(SENT))
    pipeline.run()
    # One more at the same place, and nobody could tell them from a record's deeds.
    for _ in range(HEAD_CRASHES + ALONE_CRASHES):
        before = len(receiver.requests)
        receiver.wait_for(before + 1)
        pipeline.kill("sender")
        pipeline.start("sender")
    receiver.behaviour = lambda _: Answer()
    eventually(
        lambda: not count(pipeline, receiver, "poison", sent=SENT).missing,
        seconds=60,
        text=lambda: str(count(pipeline, receiver, "poison", sent=SENT)),
    )
    assert not pipeline.dead_letters()
    assert "read with care" in pipeline.log("sender"), "the kills came too late to be suspicious"


def _set_up(pipeline: RunningPipeline, receiver: Receiver) -> None:
    pipeline.put_account(Account("poison", "twelve-twenty"))
    pipeline.put_endpoint(
        Endpoint("poison-ep", "poison", "twelve-twenty", "", url=receiver.url("/"))
    )


def _event(number: int) -> dict[str, object]:
    name = f"{DEADLY}-{number}" if number == DEADLY_AT else f"p{number}"
    return {"account": "poison", "type": "made", "id": name, "data": {"n": number}}


def _culprits(pipeline: RunningPipeline) -> list[DeadLetter]:
    return [letter for letter in pipeline.dead_letters() if letter.reason == Reason.CRASHED]


def _topic(pipeline: RunningPipeline, stage: str) -> str:
    topology = pipeline.topology
    return {
        "router": topology.events,
        "sender": topology.delivery("poison-ep"),
        "recorder": topology.attempts,
    }[stage]
