from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import signal
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from pipeline.cli.request_check import UnusableSecret, check, read_keys
from pipeline.clock import now_ms
from tests.cli.command import Shell, drained
from tests.running_pipeline import eventually

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
BODY = '{"type":"order.paid","data":{"id":1042}}'


def signed(body: str = BODY, *, minutes_ago: int = 0, secret: str = SECRET) -> dict[str, str]:
    """The headers that the reference library makes."""
    at = datetime.fromtimestamp(now_ms() // 1000 - 60 * minutes_ago, UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body),
    }


def verdict(headers: dict[str, str], body: str = BODY, *given: str) -> tuple[str, bool]:
    keys = read_keys(given or [SECRET])
    found = check(headers, body.encode(), keys=keys, now_ms=now_ms())
    return found.text, found.is_refused


def test_what_the_reference_library_signs_is_genuine_and_all_else_is_refused():
    assert verdict(signed()) == ("genuine (v1)", False)
    assert verdict(signed(), BODY + " ") == ("WRONG: no signature (v1) matches", True)
    assert verdict(signed(), BODY, "whsec_AAAA", SECRET) == ("genuine (v1)", False)
    assert verdict(signed(), BODY, "whsec_AAAA")[1]
    text, is_refused = verdict(signed(minutes_ago=6))
    assert (text.endswith("more than 5 min from now"), is_refused) == (True, True)
    assert verdict({}) == ("unsigned", True)
    assert verdict({**signed(), "webhook-signature": "v1,é v9,AAAA v1"})[1]


def test_ed25519_is_verified_with_the_public_key():
    key = Ed25519PrivateKey.generate()
    public = "whpk_" + base64.b64encode(key.public_key().public_bytes_raw()).decode()
    headers = signed()
    content = f"msg_1.{headers['webhook-timestamp']}.{BODY}".encode()
    headers["webhook-signature"] += f" v1a,{base64.b64encode(key.sign(content)).decode()}"
    assert verdict(headers, BODY, public) == ("genuine (v1a)", False)
    assert verdict(headers, BODY, public, SECRET) == ("genuine (v1, v1a)", False)
    assert verdict(headers, BODY + " ", public)[1]


def test_twentys_signature_is_verified_with_the_text():
    at = str(now_ms())
    made = hmac.new(b"s3cret", f"{at}:{BODY}".encode(), hashlib.sha256).hexdigest()
    headers = {"x-twenty-webhook-timestamp": at, "x-twenty-webhook-signature": made}
    assert verdict(headers, BODY, "s3cret") == ("genuine (Twenty)", False)
    assert verdict(headers, BODY, "other")[1]
    assert verdict({**headers, "x-twenty-webhook-signature": "é"}, BODY, "s3cret")[1]


def test_without_a_secret_nothing_is_refused_and_nothing_is_called_genuine():
    keys = read_keys([])
    for headers in ({}, signed(), {"x-twenty-webhook-signature": "00"}):
        text, is_refused = check(headers, b"", keys=keys, now_ms=now_ms())
        assert not is_refused
        assert "genuine" not in text


@pytest.mark.parametrize("secret", ["whsec_%", "whpk_AAAA"])
def test_a_secret_in_no_form_is_refused(secret: str):
    with pytest.raises(UnusableSecret):
        read_keys([secret])


@dataclass
class Listening:
    url: str
    lines: list[str]


@contextmanager
def listening(shell: Shell, *options: str) -> Generator[Listening]:
    """Ctrl-C ends it."""
    with shell.running("listen", "--port", "0", *options) as process:
        said, lines = drained(process.stderr), drained(process.stdout)
        eventually(lambda: bool(said))
        yield Listening(said[0].split()[2].rstrip(","), lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_what_comes_is_shown_verified_and_answered(bare_shell: Shell):
    hostile = "\x1b[2J" + BODY
    with listening(bare_shell, "--secret", SECRET, "--answer", "202") as receiver:
        at = f"{receiver.url}/hooks"
        answers = [
            httpx.post(at, content=body, headers=headers).status_code
            for body, headers in (
                (BODY, signed()),
                (BODY, signed()),
                (hostile, signed(hostile)),
                (BODY, {}),
            )
        ]
        assert answers == [202, 202, 202, 401]
        eventually(lambda: len(receiver.lines) >= 8, text=lambda: "".join(receiver.lines))
    first, body, again, _, _, shown, unsigned, _ = receiver.lines
    assert "/hooks  msg_1  genuine (v1)  -> 202" in first
    assert body == f"  {BODY}\n"
    assert "msg_1 (again)" in again
    assert shown == f"  \\x1b[2J{BODY}\n"
    assert "no webhook-id  unsigned  -> 401" in unsigned


def test_programs_read_a_line_of_json_for_each(bare_shell: Shell):
    with listening(bare_shell, "--json") as receiver:
        assert httpx.post(receiver.url, content=BODY, headers=signed()).status_code == 204
        eventually(lambda: bool(receiver.lines))
    found = json.loads(receiver.lines[0])
    assert (found["body"], found["webhook_id"], found["answered"]) == (BODY, "msg_1", 204)
    assert (found["genuine"], found["verdict"]) == (False, "signed (v1), not verified: no --secret")


def test_what_cannot_be_is_said(bare_shell: Shell):
    with listening(bare_shell) as receiver:
        port = receiver.url.rpartition(":")[2]
        taken, wrong = bare_shell.run_together(
            [["listen", "--port", port], ["listen", "--secret", "whsec_%"]]
        )
    assert (taken.status, taken.err) == (
        2,
        f"--port {port} cannot be had: Address already in use\n",
    )
    assert wrong.status == 2
    assert wrong.err.startswith("--secret: what follows whsec_ is not base64")
