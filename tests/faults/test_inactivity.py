"""An endpoint at which nothing succeeds: warned of, deactivated, told of, activated again."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from tests.api.running_api import RunningApi, free_port, running_api
from tests.kafka_broker import SessionBroker
from tests.mail.smtp_servers import message_of
from tests.receiver import Answer, Receiver
from tests.running_pipeline import eventually

SECONDS = 90.0
OWNER = "owner@acme.test"


class Mailbox:
    """What the mail server took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name and arguments
        self, _server: object, _session: object, envelope: Envelope
    ) -> str:
        self.mails.append(message_of(envelope))
        return "250 taken"

    @property
    def subjects(self) -> list[str]:
        """What a kill made go twice has one Message-ID, and is shown once by mail programs."""
        return list({str(mail["Message-ID"]): str(mail["Subject"]) for mail in self.mails}.values())


@dataclass
class Rig:
    """A whole pipeline of the operator's, who wants to be told of what happens."""

    api: RunningApi
    receiver: Receiver
    mailbox: Mailbox

    def told(self, name: str) -> list[dict[str, Any]]:
        """Operational events of a type, in order."""
        events = [json.loads(request.body) for request in self.receiver.to("/ops")]
        return [event["data"] for event in events if event["type"] == name]

    def endpoint(self) -> dict[str, Any]:
        return self.api.operator.get("/v1/endpoints/ep").json()

    def wait_told(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        eventually(lambda: len(self.told(name)) >= count, seconds=SECONDS, text=self.log)
        return self.told(name)

    def log(self) -> str:
        return self.api.pipeline.log("recorder")[-3000:]

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        answer = self.api.operator.request(method, path, json=document)
        assert answer.status_code < 300, (path, answer.text)
        return answer.json()

    def publish(self, numbers: range) -> None:
        for number in numbers:
            self.ask("POST", "/v1/events", {"account": "acme", "type": "made", "data": number})


@pytest.fixture
def rig(broker: SessionBroker, receiver: Receiver, tmp_path: Path) -> Generator[Rig]:
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    settings = {
        "PIPELINE_STAGE__JUDGE_SECONDS": "0.3",
        "PIPELINE_OPERATIONS__ACCOUNT": "ops",
        "PIPELINE_MAIL__URL": f"smtp://127.0.0.1:{server.port}?starttls=never",
    }
    try:
        with running_api(broker.bootstrap_servers, tmp_path / "pipeline", **settings) as api:
            yield Rig(api, receiver, mailbox)
    finally:
        server.stop()


def set_up(rig: Rig, *, inactive_after: str, gone: str) -> None:
    profile = {
        "name": "hasty",
        "formats": {"bare": {"template": "$.event.data"}},
        "retry": {"delays": ["1s"] * 60},
        "inactive_after": inactive_after,
        "gone": gone,
    }
    rig.ask("POST", "/v1/profiles", profile)
    rig.ask("POST", "/v1/accounts", {"id": "ops"})
    rig.ask("POST", "/v1/accounts/ops/endpoints", {"id": "ops", "url": rig.receiver.url("/ops")})
    account = {"id": "acme", "profile": "hasty", "owner_email": OWNER}
    rig.ask("POST", "/v1/accounts", account)
    for name in ("ep", "quiet"):
        endpoint = {"id": name, "url": rig.receiver.url(f"/{name}"), "event_types": ["made"]}
        if name == "quiet":
            endpoint["event_types"] = ["never"]
        rig.ask("POST", "/v1/accounts/acme/endpoints", endpoint)
    rig.api.pipeline.run("router", "sender", "scheduler", "recorder")


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_one_that_never_succeeds_is_warned_of_deactivated_and_told_of_once_each(rig: Rig) -> None:
    rig.receiver.behaviour = lambda request: Answer(503 if request.path == "/ep" else 204)
    set_up(rig, inactive_after="12s", gone="fail")
    rig.publish(range(1))
    failing = rig.wait_told("endpoint.failing")
    assert (failing[0]["endpoint"], failing[0]["account"]) == ("ep", "acme")
    rig.api.pipeline.kill("recorder")  # what was told is not told again
    rig.api.pipeline.run("recorder")
    (deactivated,) = rig.wait_told("endpoint.deactivated")
    endpoint = rig.endpoint()
    assert endpoint["status"] == "inactive"
    assert endpoint["status_reason"] == deactivated["reason"]
    assert deactivated["reason"].startswith("no delivery succeeded since 20")
    warned = [told["percent"] for told in rig.told("endpoint.failing")]
    assert warned in ([50], [50, 75])  # the second one is passed over if the recorder was away then
    mails = [*["Webhooks to ep fail"] * len(warned), "Webhooks to ep are inactive"]
    eventually(lambda: len(rig.mailbox.subjects) >= len(mails), seconds=SECONDS, text=rig.log)
    assert rig.mailbox.subjects == mails
    assert {str(mail["To"]) for mail in rig.mailbox.mails} == {OWNER}
    assert rig.ask("GET", "/v1/endpoints/quiet")["status"] == "active"

    rig.receiver.behaviour = lambda _: Answer(204)
    rig.publish(range(1, 6))
    before = len(rig.receiver.to("/ep"))
    rig.ask("POST", "/v1/endpoints/ep/activate", {"waiting": "send"})
    rig.wait_told("endpoint.reactivated")
    requests = rig.receiver.wait_for(before + 6, path="/ep", seconds=SECONDS)
    assert {request.body for request in requests[before:]} == {b"%d" % n for n in range(6)}
    assert rig.endpoint()["status"] == "active"
    assert len(rig.told("endpoint.deactivated")) == 1
    assert rig.mailbox.subjects == mails


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(300)
def test_one_that_is_gone_is_deactivated_at_once_and_its_dead_delivery_is_told_of(
    rig: Rig,
) -> None:
    rig.receiver.behaviour = lambda request: Answer(410 if request.path == "/ep" else 204)
    set_up(rig, inactive_after="5d", gone="disable")
    rig.publish(range(1))
    (deactivated,) = rig.wait_told("endpoint.deactivated")
    assert "410" in deactivated["reason"]
    assert rig.endpoint()["status"] == "inactive"
    (dead,) = rig.wait_told("delivery.dead")
    assert dead == {"endpoint": "ep", "account": "acme", "count": 1}
    eventually(lambda: rig.mailbox.subjects == ["Webhooks to ep are inactive"], seconds=SECONDS)


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(300)
def test_nothing_is_told_of_the_operators_own_endpoints(rig: Rig) -> None:
    rig.receiver.behaviour = lambda request: Answer(204 if request.path == "/ops" else 410)
    set_up(rig, inactive_after="5d", gone="disable")
    own = {"id": "own", "url": rig.receiver.url("/own")}
    rig.ask("POST", "/v1/accounts/ops/endpoints", own)
    rig.publish(range(1))
    rig.wait_told("endpoint.deactivated")
    rig.wait_told("delivery.dead")
    eventually(
        lambda: rig.ask("GET", "/v1/endpoints/own")["status"] == "inactive",
        seconds=SECONDS,
        text=rig.log,
    )
    rig.ask("POST", "/v1/events", {"account": "ops", "type": "last", "data": 1})
    eventually(
        lambda: any(json.loads(r.body)["type"] == "last" for r in rig.receiver.to("/ops")),
        seconds=SECONDS,
    )
    told = [json.loads(request.body) for request in rig.receiver.to("/ops")]
    assert {event["data"]["account"] for event in told if event["type"] != "last"} == {"acme"}
