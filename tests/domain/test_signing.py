"""Signatures, checked by those who wrote the verifiers."""

import base64
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from pipeline.domain.endpoint import Credentials, SigningSecret
from pipeline.domain.profile import (
    Digest,
    Encoding,
    KeyForm,
    Rotation,
    Scheme,
    Signature,
    TimestampUnit,
)
from pipeline.domain.signing import InvalidSigning, Signer, prepare_signer, signing_schemes
from pipeline.domain.signing_secrets import InvalidSecret, new_secret, public_key

V1 = Scheme("v1", Digest.HMAC_SHA256, KeyForm.WHSEC, Encoding.BASE64, prefix="v1,")
V1A = Scheme("v1a", Digest.ED25519, KeyForm.WHSK, Encoding.BASE64, prefix="v1a,", beside="v1")
STANDARD = Signature(
    schemes=(V1, V1A),
    default_schemes=("v1",),
    headers=(
        ("webhook-id", "{webhook_id}"),
        ("webhook-timestamp", "{timestamp}"),
        ("webhook-signature", "{signatures}"),
    ),
    content_prefix="{webhook_id}.{timestamp}.",
)
TWENTY = Signature(
    schemes=(Scheme("hmac", Digest.HMAC_SHA256, KeyForm.TEXT, Encoding.HEX),),
    default_schemes=("hmac",),
    headers=(
        ("X-Twenty-Webhook-Timestamp", "{timestamp}"),
        ("X-Twenty-Webhook-Signature", "{signatures}"),
    ),
    content_prefix="{timestamp}:",
    timestamp=TimestampUnit.MILLISECONDS,
    rotation=Rotation.NEWEST,
)

WEBHOOK_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
NOW_MS = 1_614_265_330_000
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WHSK = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
V1_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
V1A_SIGNATURE = (
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)
CREDENTIALS = Credentials(secrets=(SigningSecret(WHSEC),), signing_keys=(SigningSecret(WHSK),))
OTHER_WHSEC = new_secret(KeyForm.WHSEC, b"o" * 32)

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node, a second opinion, is not installed")


def standard_signer(*schemes: str, credentials: Credentials = CREDENTIALS) -> Signer:
    return prepare_signer(STANDARD, schemes=schemes or None, credentials=credentials)


def signature(signer: Signer, *, now_ms: int = NOW_MS) -> str:
    return dict(signer.headers(WEBHOOK_ID, now_ms=now_ms, body=BODY))["webhook-signature"]


def node(script: str, given: dict[str, str]) -> object:
    assert NODE is not None
    # The program is `node` from PATH, the script is this file's own, the input goes through a pipe.
    source = "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));" + script
    ran = subprocess.run(
        [NODE, "-e", source], input=json.dumps(given), capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    return cast("object", json.loads(ran.stdout))


def test_the_golden_vectors_of_standard_webhooks_in_the_order_of_the_profile():
    assert standard_signer().headers(WEBHOOK_ID, now_ms=NOW_MS + 999, body=BODY) == (
        ("webhook-id", WEBHOOK_ID),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", V1_SIGNATURE),
    )


def test_v1_is_sent_beside_v1a_so_that_receivers_with_a_secret_keep_working():
    both = f"{V1_SIGNATURE} {V1A_SIGNATURE}"
    assert signature(standard_signer("v1a")) == both
    assert signature(standard_signer("v1", "v1a")) == both
    assert signature(standard_signer("v1a", "v1", "v1a")) == both
    assert signature(standard_signer("v1")) == V1_SIGNATURE


def test_a_rotated_secret_signs_beside_the_current_one_until_it_expires():
    credentials = replace(
        CREDENTIALS, secrets=(SigningSecret(OTHER_WHSEC), SigningSecret(WHSEC, NOW_MS))
    )
    signer = standard_signer(credentials=credentials)
    before = signature(signer, now_ms=NOW_MS - 1).split(" ")
    assert len(before) == 2
    current = standard_signer(credentials=Credentials((SigningSecret(OTHER_WHSEC),)))
    assert before[0] == signature(current, now_ms=NOW_MS - 1)
    assert before[1] == signature(standard_signer(), now_ms=NOW_MS - 1)
    assert signature(signer) == signature(current)


def test_rotated_keys_of_both_schemes_are_in_one_header():
    old_key = SigningSecret(new_secret(KeyForm.WHSK, b"k" * 32), NOW_MS + 1)
    credentials = Credentials(
        secrets=(SigningSecret(WHSEC), SigningSecret(OTHER_WHSEC, NOW_MS + 1)),
        signing_keys=(SigningSecret(WHSK), old_key),
    )
    written = signature(standard_signer("v1a", credentials=credentials)).split(" ")
    assert [one.split(",")[0] for one in written] == ["v1", "v1", "v1a", "v1a"]
    assert (written[0], written[2]) == (V1_SIGNATURE, V1A_SIGNATURE)


@given(
    st.text(max_size=200),
    st.binary(min_size=24, max_size=64),
    st.integers(0, 4_000_000_000),
)
def test_v1_is_what_the_reference_implementation_signs(data: str, key: bytes, now_seconds: int):
    secret = "whsec_" + base64.b64encode(key).decode()
    signer = standard_signer(credentials=Credentials((SigningSecret(secret),)))
    headers = dict(signer.headers(WEBHOOK_ID, now_ms=now_seconds * 1_000 + 500, body=data.encode()))
    at = datetime.fromtimestamp(now_seconds, tz=UTC)
    assert headers["webhook-signature"] == Webhook(secret).sign(WEBHOOK_ID, at, data)


@pytest.mark.parametrize("schemes", [("v1",), ("v1a",)])
def test_the_reference_verifier_accepts_each_of_two_secrets_and_no_third(schemes: tuple[str, ...]):
    now_ms = int(datetime.now(tz=UTC).timestamp() * 1_000)  # noqa: TID251 - the verifier compares it with its clock
    credentials = replace(
        CREDENTIALS, secrets=(SigningSecret(OTHER_WHSEC), SigningSecret(WHSEC, now_ms + 9_999))
    )
    signer = standard_signer(*schemes, credentials=credentials)
    headers = dict(signer.headers(WEBHOOK_ID, now_ms=now_ms, body=BODY))
    for secret in (WHSEC, OTHER_WHSEC):
        assert Webhook(secret).verify(BODY, headers) == {"test": 2432232314}
    with pytest.raises(Exception, match="No matching signature found"):
        Webhook(new_secret(KeyForm.WHSEC, b"3" * 32)).verify(BODY, headers)
    with pytest.raises(Exception, match="No matching signature found"):
        Webhook(WHSEC).verify(BODY + b" ", headers)


@needs_node
def test_node_verifies_v1a_with_the_public_key_alone():
    verify = """
      const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'),
                                 Buffer.from(given.key.slice(5), 'base64')]);
      const key = require('crypto').createPublicKey({key: der, format: 'der', type: 'spki'});
      const verify = (text) => require('crypto').verify(
        null, Buffer.from(text), key, Buffer.from(given.signature.slice(4), 'base64'));
      console.log(JSON.stringify([verify(given.content), verify(given.content + ' ')]));
    """
    signer = standard_signer("v1a")
    headers = dict(signer.headers(WEBHOOK_ID, now_ms=NOW_MS, body='{"é": "☃"}'.encode()))
    given = {
        "key": public_key(WHSK),
        "signature": headers["webhook-signature"].split(" ")[1],
        "content": f'{WEBHOOK_ID}.{headers["webhook-timestamp"]}.{{"é": "☃"}}',
    }
    assert node(verify, given) == [True, False]


@needs_node
@given(
    st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=256),
    st.dictionaries(
        st.text("abc", max_size=4), st.integers(-(2**53), 2**53) | st.text(max_size=9), max_size=5
    ),
)
@settings(max_examples=5, deadline=None)
def test_node_verifies_twentys_signature_over_the_body_it_parsed(
    secret: str, data: dict[str, int | str]
):
    # `verify` of the product's documentation, with the header's timestamp and the parsed payload.
    verify = """
      const text = given.timestamp + ':' + JSON.stringify(JSON.parse(given.body));
      console.log(JSON.stringify(
        require('crypto').createHmac('sha256', given.secret).update(text).digest('hex')));
    """
    body = json.dumps({"event": "a.b", "data": data}, separators=(",", ":"), ensure_ascii=False)
    credentials = Credentials((SigningSecret(secret), SigningSecret("old", NOW_MS + 1)))
    signer = prepare_signer(TWENTY, schemes=None, credentials=credentials)
    headers = signer.headers(WEBHOOK_ID, now_ms=NOW_MS + 123, body=body.encode())
    assert headers[0] == ("X-Twenty-Webhook-Timestamp", "1614265330123")
    assert headers[1][0] == "X-Twenty-Webhook-Signature"
    given = {"timestamp": headers[0][1], "body": body, "secret": secret}
    assert node(verify, given) == headers[1][1]


def test_twenty_signs_with_the_newest_secret_from_the_moment_of_the_rotation():
    def signed(*secrets: SigningSecret) -> tuple[tuple[str, str], ...]:
        signer = prepare_signer(TWENTY, schemes=None, credentials=Credentials(secrets))
        return signer.headers(WEBHOOK_ID, now_ms=NOW_MS, body=BODY)

    new, old = SigningSecret("new"), SigningSecret("old", NOW_MS + 9_999)
    assert signed(new, old) == signed(old, new) == signed(new)
    assert signed(new, SigningSecret("second")) == signed(new)
    assert signed(new) != signed(SigningSecret("old"))


def test_headers_may_say_more_than_one_value():
    combined = replace(
        TWENTY, headers=(("X-Signature", "t={timestamp},id={webhook_id},s={signatures}"),)
    )
    signer = prepare_signer(combined, schemes=None, credentials=Credentials((SigningSecret("s"),)))
    ((name, value),) = signer.headers(WEBHOOK_ID, now_ms=NOW_MS, body=BODY)
    assert name == "X-Signature"
    assert value.startswith(f"t={NOW_MS},id={WEBHOOK_ID},s=")


def test_an_endpoint_without_a_current_secret_cannot_sign():
    expired = Credentials((SigningSecret(WHSEC, NOW_MS + 1),))
    with pytest.raises(InvalidSecret, match="secret is missing: the scheme v1 signs with one"):
        standard_signer(credentials=expired)
    with pytest.raises(InvalidSecret, match="signing_key is missing: the scheme v1a"):
        standard_signer("v1a", credentials=Credentials((SigningSecret(WHSEC),)))


def test_a_secret_that_is_not_in_the_schemes_form_cannot_sign():
    with pytest.raises(InvalidSecret, match="secret does not begin with whsec_"):
        standard_signer(credentials=Credentials((SigningSecret("plain text"),)))


def test_a_scheme_that_the_profile_does_not_have_is_refused_with_those_it_has():
    with pytest.raises(InvalidSigning, match="signing has 'v2': use some of v1, v1a"):
        standard_signer("v1", "v2")
    with pytest.raises(InvalidSigning, match="signing is empty: use some of v1, v1a"):
        signing_schemes(STANDARD, ())
