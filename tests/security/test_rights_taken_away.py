"""Rights that go while stages run, and what people see of a stage that starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.domain.delivery import Reason
from pipeline.domain.least_rights import Part
from pipeline.domain.rights import Operation
from tests.running_pipeline import eventually
from tests.security.flow import everything_once
from tests.security.secured_broker import secured_broker
from tests.security.secured_pipeline import SecuredPipeline, secured_pipeline

WRONG = "a-wrong-password-that-nobody-may-read"
NOT_ALLOWED = "Kafka does not allow this user"


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_what_may_not_be_written_or_read_any_more_waits_for_the_right(tmp_path: Path):
    with secured_broker(tmp_path) as broker, secured_pipeline(broker, tmp_path) as secured:
        everything_once(secured)
        at = secured.pipeline.topology
        for part, operation, topic in (
            (Part.ROUTER, Operation.WRITE, at.own_deliveries),
            (Part.ROUTER, Operation.READ, at.events),
            (Part.SENDER, Operation.READ, at.own_deliveries),
            (Part.SENDER, Operation.WRITE, at.attempts),
            (Part.SENDER, Operation.WRITE, at.tiers),
            (Part.SCHEDULER, Operation.WRITE, at.own_deliveries),
            (Part.SCHEDULER, Operation.READ, at.tiers),
            (Part.RECORDER, Operation.READ, at.attempts),
        ):
            holds_without(secured, part, operation, topic=topic)
        reasons = {letter.reason for letter in secured.pipeline.dead_letters()}
        assert reasons == {Reason.EXHAUSTED}


def holds_without(
    secured: SecuredPipeline, part: Part, operation: Operation, *, topic: str
) -> None:
    """It says why it does nothing; with its right again it goes on, and nothing is missing."""
    pipeline = secured.pipeline
    secured.broker.forbid(secured.user(part), operation, topic, is_prefix=topic.endswith("."))
    event = f"{part}-{operation}-{topic}"
    paths = ("/good", "/flaky")
    before = {path: len(accepted(secured, path)) for path in paths}
    secured.produce(event)
    process = pipeline.processes[(part, 0)]
    refusal = f"{NOT_ALLOWED} {operation} on the topic {topic}"

    def has_told() -> bool:
        """Its end, or, of what is met at work alone, that it has begun anew and met it again."""
        told = pipeline.log(part).count(refusal)
        return told > 1 or (told == 1 and process.poll() is not None)

    eventually(has_told, seconds=90, text=lambda: f"{event}: {pipeline.log(part)}")
    assert secured.shell.run("acls", "apply", part).status == 0
    if process.poll() is not None:
        assert process.returncode == 1, event
        secured.start(part)
    pipeline.wait_ready(part)
    for path in paths:
        eventually(
            lambda path=path: len(accepted(secured, path)) == before[path] + 1,
            seconds=60,
            text=lambda: event,
        )


def accepted(secured: SecuredPipeline, path: str) -> set[str]:
    """The ids of webhooks that were acknowledged."""
    return {each.webhook_id for each in secured.receiver.accepted if each.path == path}


@pytest.mark.soak
def test_a_stage_that_starts_and_doctor_say_what_is_wrong_and_no_secret(tmp_path: Path):
    with secured_broker(tmp_path) as broker, secured_pipeline(broker, tmp_path) as secured:
        settings = broker.settings(secured.user(Part.ROUTER), password=WRONG)
        with secured.shell.running("run", "router", "--slot", "5", **settings) as router:
            ended = secured.shell.run("doctor", **settings)
            assert router.stderr is not None
            said = router.stderr.readline()
    (line,) = [each for each in ended.lines if each.startswith("error") and "kafka" in each]
    for text in (said, line):
        assert "check sasl.username and sasl.password in PIPELINE_KAFKA__OPTIONS" in text
    assert WRONG not in ended.out + ended.err + said
    assert ended.status == 1
