"""An attempt over real sockets: what is sent, what is kept of the answer, what is counted."""

from __future__ import annotations

import gc
from datetime import UTC, datetime

from standardwebhooks import Webhook

from pipeline.adapters.http.courier import HttpCourier, HttpPosting
from pipeline.domain.delivery import Attempt, Outcome
from pipeline.domain.endpoint import BearerAuth
from pipeline.domain.redaction import MASK
from pipeline.domain.verdict import DELIVERED, RetryAt
from pipeline.stages.sender.attempting import attempt_entry
from pipeline.stages.sender.under_way import UnderWay
from pipeline.telemetry.instruments import ATTEMPT_SECONDS, ATTEMPTS, DELIVERY_SECONDS
from pipeline.telemetry.tally import Tally
from tests.http.servers import OK, answering, serving
from tests.stages.attempts import headers_of, try_once
from tests.stages.recipients import SECRET, a_recipient, an_item

BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nX-Why: load\r\nContent-Length: 4\r\n\r\nbusy"


async def test_what_is_sent_has_the_fixed_headers_and_its_own_and_verifies(courier: HttpCourier):
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen)) as server:
        recipient = a_recipient(
            courier,
            f"http://127.0.0.1:{server.port}/hook",
            headers=(("x-team", "blue"),),
            auth=BearerAuth("open sesame"),
        )
        await try_once(recipient, an_item(headers={"x-extra": "1"}), Tally())
    headers = headers_of(seen[0])
    assert seen[0].endswith(b"\r\n\r\n{}")
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "sender/1"
    assert headers["x-team"] == "blue"
    assert headers["authorization"] == "Bearer open sesame"
    assert headers["x-extra"] == "1"
    assert headers["webhook-id"] == "msg_0"
    assert headers["webhook-timestamp"] == "1000000"
    at = datetime.fromtimestamp(1_000_000, tz=UTC)
    assert headers["webhook-signature"] == Webhook(SECRET).sign("msg_0", at, "{}")


async def test_of_an_accepted_one_status_and_time_are_kept_and_nothing_else(courier: HttpCourier):
    tally = Tally()
    async with serving(answering(OK)) as server:
        recipient = a_recipient(courier, f"http://127.0.0.1:{server.port}/")
        tried = await try_once(recipient, an_item(), tally)
    entry = attempt_entry(an_item(), tried)
    assert tried.verdict is DELIVERED
    assert (entry.outcome, entry.status, entry.decision) == ("accepted", 200, "delivered")
    assert 0 < entry.duration_ms < 10_000
    assert entry[Attempt._fields.index("phases") :] == (None,) * 7
    assert tally.read(ATTEMPTS)[Outcome.ACCEPTED] == 1
    assert tally.read(ATTEMPT_SECONDS) == {"": 0.25}
    assert tally.read(DELIVERY_SECONDS) == {"": 999_000.25}


async def test_of_a_refused_one_all_is_kept_and_secrets_are_masked(courier: HttpCourier):
    tally = Tally()
    async with serving(answering(BUSY)) as server:
        recipient = a_recipient(
            courier, f"http://127.0.0.1:{server.port}/", auth=BearerAuth("open sesame")
        )
        tried = await try_once(recipient, an_item(), tally)
    entry = attempt_entry(an_item(), tried)
    assert isinstance(tried.verdict, RetryAt)
    assert tried.verdict.due_at_ms >= 1_000_000_250 + 7_000
    assert (entry.outcome, entry.status, entry.decision) == ("refused", 503, "retry")
    assert entry.response_headers is not None
    assert entry.response_headers["X-Why"] == "load"
    assert entry.response_body == b"busy"
    assert entry.address == "127.0.0.1"
    assert entry.phases is not None
    assert set(entry.phases) == {"dns", "connect", "tls", "first_byte", "total"}
    assert entry.request_headers is not None
    assert entry.request_headers["authorization"] == MASK
    assert entry.request_headers["webhook-id"] == "msg_0"
    assert "sesame" not in str(entry)
    assert tally.read(ATTEMPTS)[Outcome.REFUSED] == 1
    assert tally.read(DELIVERY_SECONDS) == {"": 0}


async def test_a_2xx_that_the_profile_does_not_acknowledge_is_kept_whole(courier: HttpCourier):
    partial = b"HTTP/1.1 206 Partial\r\nX-Why: odd\r\nContent-Length: 2\r\n\r\nhm"
    async with serving(answering(partial)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        tried = await try_once(a_recipient(courier, url, profile="cloudevents"), an_item(), Tally())
    sent = tried.sent
    assert (sent.outcome, sent.status, sent.body) == (Outcome.REFUSED, 206, b"hm")
    assert ("X-Why", "odd") in sent.headers


async def test_an_endpoint_whose_url_was_never_fit_gives_a_result_like_any_other(
    courier: HttpCourier,
):
    tried = await try_once(a_recipient(courier, "http://2130706433/"), an_item(), Tally())
    entry = attempt_entry(an_item(), tried)
    assert (entry.outcome, entry.status, entry.decision) == ("blocked", None, "retry")
    assert entry.error is not None
    assert "looks like a number" in entry.error


async def test_an_attempt_that_ended_is_gone_without_the_garbage_collector(courier: HttpCourier):
    gc.collect()
    gc.disable()
    try:
        async with serving(answering(BUSY)) as server:
            url = f"http://127.0.0.1:{server.port}/"
            for recipient in (
                a_recipient(courier, url),
                a_recipient(courier, "http://2130706433/"),
            ):
                await try_once(recipient, an_item())
        left = [found for found in gc.get_objects() if isinstance(found, UnderWay | HttpPosting)]
    finally:
        gc.enable()
    assert left == []
