"""Endpoints as people write them: what is taken, and what is refused with which words."""

from dataclasses import dataclass

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pipeline.domain.endpoint import (
    BasicAuth,
    BearerAuth,
    BodyChoice,
    HeaderAuth,
    MutualTlsAuth,
    OAuth2Auth,
    Order,
    RateLimit,
    RetryPolicy,
    TokenAuth,
)
from tests.domain.endpoint_files import URL, document, endpoint, problems, read_one

WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WHSK = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
OAUTH2 = {"type": "oauth2", "token_url": URL, "client_id": "x", "client_secret": "topsecret"}


def test_an_endpoint_that_says_nothing_has_the_defaults():
    entry = read_one({"url": URL})
    wanted = entry.wanted
    assert (wanted.id, wanted.account, wanted.profile) == ("", "acme", "standard-webhooks")
    assert wanted.url == URL
    assert wanted.event_types == ()
    assert wanted.body == BodyChoice()
    assert (wanted.signing, wanted.retry, wanted.timeout_ms) == (None, None, None)
    assert (wanted.order, wanted.max_in_flight, wanted.rate_limit) == (Order.NONE, 16, None)
    assert wanted.on_inactive == "keep"
    assert entry.active is None
    assert (entry.given.secret, entry.given.signing_key, entry.given.auth) == (None, None, None)


def test_every_field_is_read():
    entry = read_one(
        endpoint(
            id="main_1",
            description="The CRM\nof Acme",
            metadata={"team": "sales"},
            active=False,
            event_types=["person.*", "*.created"],
            body={"template": {"what": "$.event.type", "n": 1, "nested": {"list": ["$.event.id"]}}},
            auth={"type": "bearer", "token": "abc"},
            headers={"X-Env": "prod"},
            secret=WHSEC,
            signing=["v1a"],
            signing_key=WHSK,
            retry={"delays": ["5s", "1m"], "jitter": 0.2},
            order="strict",
            timeout="20s",
            max_in_flight=256,
            rate_limit={"requests": 10, "per": "1m"},
            on_inactive="drop",
        )
    )
    wanted = entry.wanted
    assert wanted.id == "main_1"
    assert wanted.description == "The CRM\nof Acme"
    assert wanted.metadata == {"team": "sales"}
    assert wanted.event_types == ("person.*", "*.created")
    assert wanted.body.template == (
        '{"what":"$.event.type","n":1,"nested":{"list":["$.event.id"]}}'
    )
    assert wanted.headers == (("X-Env", "prod"),)
    assert wanted.signing == ("v1a",)
    assert wanted.retry == RetryPolicy((5_000, 60_000), 0.2)
    assert (wanted.order, wanted.timeout_ms, wanted.max_in_flight) == (Order.STRICT, 20_000, 256)
    assert wanted.rate_limit == RateLimit(10, 60_000)
    assert wanted.on_inactive == "drop"
    assert entry.active is False
    assert (entry.given.secret, entry.given.signing_key) == (WHSEC, WHSK)
    assert entry.given.auth == BearerAuth("abc")


def test_an_endpoint_has_its_accounts_profile_unless_it_names_another():
    assert read_one(endpoint(), profile="twenty").wanted.profile == "twenty"
    assert read_one(endpoint(profile="timekit"), profile="twenty").wanted.profile == "timekit"


@pytest.mark.parametrize(
    ("auth", "read"),
    [
        (
            {"type": "header", "name": "Ocp-Apim-Subscription-Key", "value": "k"},
            HeaderAuth("Ocp-Apim-Subscription-Key", "k"),
        ),
        (
            {"type": "header", "name": "Authorization", "value": "Key k"},
            HeaderAuth("Authorization", "Key k"),
        ),
        (
            {"type": "basic", "username": "me", "password": "pässword: 1"},
            BasicAuth("me", "pässword: 1"),
        ),
        (OAUTH2, OAuth2Auth(URL, "x", "topsecret")),
        ({**OAUTH2, "scope": "a b"}, OAuth2Auth(URL, "x", "topsecret", "a b")),
    ],
)
def test_authentication_is_read(auth: object, read: object):
    assert read_one(endpoint(auth=auth)).given.auth == read


def test_a_token_goes_where_the_profile_has_a_header_for_it():
    token = {"type": "token", "token": "t"}
    assert read_one(endpoint(auth=token), profile="twelve-twenty").given.auth == TokenAuth("t")
    (found,) = problems(document(endpoint(auth=token)))
    assert found == (
        "accounts.0.endpoints.0.auth.type: standard-webhooks names no header for a token:"
        " write type: header, a name and a value"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": None}, "url: missing"),
        ({"url": "ftp://example.com"}, "url: the URL must begin with https:// or http://"),
        ({"url": "https://user@example.com/"}, "url: the URL has a user name"),
        ({"url": "https://127.1/"}, "url: the host looks like a number"),
        ({"id": "a b"}, "id: the id contains ' '"),
        ({"id": "x" * 65}, "id: the id has 65 characters: use at most 64"),
        ({"id": 7}, "id: 7: give a text, in quotes"),
        ({"ulr": URL}, "ulr: unknown field: did you mean url?"),
        ({"filter": {"data.a": {"$near": 1}}}, "filter.data.a.$near: '$near' is no operator: "),
        ({"filter": {"data.a": float("nan")}}, "filter: cannot be written as JSON: "),
        ({"email": "a@example.com, b@example.com"}, "email: write one e-mail address in ASCII"),
        ({"profile": "twenti"}, "profile: 'twenti' is no profile: did you mean twenty?"),
        ({"active": "yes"}, "active: 'yes': give true or false"),
        ({"event_types": "person.*"}, "event_types: 'person.*': give a list"),
        ({"event_types": ["a", "a..b"]}, "event_types.1: 'a..b': a segment is empty"),
        ({"event_types": ["a"] * 201}, "event_types: 201 patterns: at most 200"),
        ({"body": {}}, "body: give a format or a template, one of the two"),
        ({"body": {"format": "nested", "template": {}}}, "body: give a format or a template"),
        ({"body": {"format": "nessted"}}, "body.format: 'nessted' is no format here: did you mean"),
        ({"body": {"template": {"a": "$.event.typ"}}}, "body.template.a: '$.event.typ' stands for"),
        ({"body": {"template": {"a": float("inf")}}}, "body.template: cannot be written as JSON"),
        ({"body": {"template": {"a": "\ud800"}}}, "body.template: cannot be written as JSON"),
        ({"auth": "topsecret"}, "auth: give an object with a type: token, header, bearer, basic,"),
        ({"auth": {}}, "auth.type: missing"),
        ({"auth": {"type": "oath2"}}, "auth.type: 'oath2': did you mean oauth2?"),
        ({"auth": {**OAUTH2, "token_url": "ftp://x/"}}, "auth.token_url: the URL must begin with"),
        ({"auth": {**OAUTH2, "token_url": None}}, "auth.token_url: missing"),
        ({"auth": {**OAUTH2, "client_secret": None}}, "auth.client_secret: missing"),
        ({"auth": {**OAUTH2, "scope": "a\nb"}}, "auth.scope: write 1 to 1024 printable"),
        ({"auth": {"type": "baerer"}}, "auth.type: 'baerer': did you mean bearer?"),
        ({"auth": {"type": "bearer"}}, "auth.token: missing"),
        ({"auth": {"type": "bearer", "tokn": "x"}}, "auth.tokn: unknown field: did you mean token"),
        ({"auth": {"type": "bearer", "token": 12345}}, "auth.token: give a text, in quotes"),
        (
            {"auth": {"type": "bearer", "token": "Bearer x"}},
            "auth.token: a bearer token has no spa",
        ),
        ({"auth": {"type": "bearer", "token": "a\r\nb: c"}}, "auth.token: a header's value is"),
        (
            {"auth": {"type": "header", "name": "Host", "value": "x"}},
            "auth.name: Host is set by the pipeline",
        ),
        (
            {"auth": {"type": "header", "name": "webhook-signature", "value": "x"}},
            "auth.name: webhook-signature is set elsewhere already",
        ),
        (
            {"auth": {"type": "header", "name": "x-a", "value": "x"}, "headers": {"X-A": "y"}},
            "auth.name: x-a is set elsewhere already",
        ),
        (
            {"auth": {"type": "basic", "username": "a:b", "password": "x"}},
            "auth.username: write at most 1024 printable characters without a colon",
        ),
        (
            {"auth": {"type": "basic", "username": "a", "password": "x\n"}},
            "auth.password: write at most 1024 printable characters",
        ),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "headers.X-A: a header's value is"),
        ({"headers": {"X A": "1"}}, "headers.X A: 'X A' is no header name"),
        (
            {"headers": {"Transfer-Encoding": "x"}},
            "headers.Transfer-Encoding: Transfer-Encoding be",
        ),
        ({"headers": {"Content-Type": "x"}}, "headers.Content-Type: Content-Type is set by the pi"),
        (
            {"headers": {"Webhook-Timestamp": "1"}},
            "headers.Webhook-Timestamp: Webhook-Timestamp is",
        ),
        ({"headers": {"Authorization": "x"}}, "headers.Authorization: write it as auth"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "headers.x-a: the header is given twice"),
        ({"headers": {"X-A": 1}}, "headers.X-A: 1: give a text, in quotes"),
        ({"headers": {f"X-{n}": "1" for n in range(51)}}, "headers: 51 headers: at most 50"),
        ({"secret": "whsec_x"}, "secret: is not standard base64 after whsec_"),
        ({"secret": 1234}, "secret: give a text, in quotes"),
        ({"signing": ["v2"]}, "signing: signing has 'v2': use some of v1, v1a"),
        ({"signing": []}, "signing: signing is empty: use some of v1, v1a"),
        ({"signing_key": WHSK}, "signing_key: is not used: nothing signs with it here"),
        ({"signing": ["v1a"], "signing_key": "x"}, "signing_key: does not begin with whsk_"),
        ({"profile": "timekit", "secret": "x"}, "secret: is not used: nothing signs with it here"),
        ({"profile": "timekit", "signing": ["v1"]}, "signing: timekit signs nothing: leave it out"),
        ({"retry": {"delays": ["5"]}}, "retry.delays.0: '5' is not a duration: write a whole"),
        ({"retry": {"delays": ["10ms"]}}, "retry: delays[0] is 10ms: use at least 1s"),
        ({"retry": {"first": "1s", "cap": "1m"}}, "retry.attempts: missing"),
        ({"order": "strickt"}, "order: 'strickt': did you mean strict?"),
        ({"timeout": "61s"}, "timeout: 61s: write 1s to 60s"),
        ({"timeout": 15}, "timeout: 15: give a text, in quotes"),
        ({"max_in_flight": 257}, "max_in_flight: 257: give at most 256"),
        ({"max_in_flight": 0}, "max_in_flight: 0: give at least 1"),
        ({"max_in_flight": True}, "max_in_flight: True: give a whole number"),
        ({"rate_limit": {"requests": 0, "per": "1s"}}, "rate_limit.requests: 0: give at least 1"),
        ({"rate_limit": {"requests": 1, "per": "2d"}}, "rate_limit.per: 2d: write 1ms to 1d"),
        ({"on_inactive": "delete"}, "on_inactive: 'delete': known: keep, drop"),
        ({"description": "a\x00"}, "description: write at most 2000 characters"),
        ({"description": "a" * 2001}, "description: write at most 2000 characters"),
        ({"metadata": {"a": 1}}, "metadata.a: 1: give a text, in quotes"),
        ({"metadata": {"a": "\ud800"}}, "metadata.a: write a name of 1 to"),
        ({"metadata": {"a": "x" * 20_000}}, "metadata: too long: at most"),
        ({"metadata": {str(n): "" for n in range(65)}}, "metadata: 65 entries: at most 64"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place_and_the_fix(
    changes: dict[str, object], message: str
):
    found = problems(document(endpoint(**changes)))
    assert len(found) == 1
    assert found[0].startswith(f"accounts.0.endpoints.0.{message}")


@pytest.mark.parametrize(
    ("profile", "pattern"),
    [
        ("calenso", "customer.*"),
        ("calenso", "*.created"),
        ("twelve-build", "Company.updated"),
        ("twelve-twenty", "save_calendar_event"),
        ("twenty", "rocket.launched"),
    ],
)
def test_a_pattern_that_takes_one_of_the_profiles_types_is_taken(profile: str, pattern: str):
    entry = read_one(endpoint(event_types=[pattern]), profile=profile)
    assert entry.wanted.event_types == (pattern,)


@pytest.mark.parametrize(
    ("profile", "pattern", "advice"),
    [
        ("calenso", "customer.craeted", "did you mean customer.created?"),
        ("calenso", "invoice.*", "known: appointment.booking.created, "),
        ("twelve-build", "Company.exploded", "did you mean Company."),
    ],
)
def test_a_type_that_a_closed_set_does_not_have_is_refused(profile: str, pattern: str, advice: str):
    (found,) = problems(document(endpoint(event_types=[pattern]), profile=profile))
    assert found.startswith(
        f"accounts.0.endpoints.0.event_types.0: {pattern!r}: {profile} has no such event type: "
    )
    assert advice in found


def test_headers_of_the_chosen_format_alone_are_taken_by_it():
    headers = {"ce-id": "1"}
    file = document(endpoint(headers=headers, body={"format": "binary"}), profile="cloudevents")
    assert problems(file) == [
        "accounts.0.endpoints.0.headers.ce-id: ce-id is set elsewhere already: leave it out"
    ]
    entry = read_one(
        endpoint(headers=headers, body={"format": "structured"}), profile="cloudevents"
    )
    assert entry.wanted.headers == (("ce-id", "1"),)


@dataclass(frozen=True)
class ClientPem:
    certificate: str
    private_key: str


@pytest.fixture(scope="module")
def client_pem() -> ClientPem:
    issued = trustme.CA().issue_cert("client.example.com")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return ClientPem(chain.decode(), issued.private_key_pem.bytes().decode())


def mtls(certificate: str, private_key: str) -> dict[str, str]:
    return {"type": "mtls", "certificate": certificate, "private_key": private_key}


def test_a_client_certificate_is_taken_with_its_key(client_pem: ClientPem):
    auth = mtls(client_pem.certificate, client_pem.private_key)
    assert read_one(endpoint(auth=auth)).given.auth == MutualTlsAuth(
        client_pem.certificate, client_pem.private_key
    )


def test_a_client_certificate_needs_https(client_pem: ClientPem):
    auth = mtls(client_pem.certificate, client_pem.private_key)
    (found,) = problems(document(endpoint(auth=auth, url="http://example.com/")))
    assert found.endswith("auth.type: mtls needs a URL that begins with https://")


def test_a_client_certificate_with_another_key_is_refused(client_pem: ClientPem):
    other = trustme.CA().issue_cert("other.example.com").private_key_pem.bytes().decode()
    (found,) = problems(document(endpoint(auth=mtls(client_pem.certificate, other))))
    assert "auth.private_key: is not the key of the first certificate" in found


def test_a_key_that_only_a_password_opens_is_refused(client_pem: ClientPem):
    key = load_pem_private_key(client_pem.private_key.encode(), password=None)
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    (found,) = problems(document(endpoint(auth=mtls(client_pem.certificate, encrypted.decode()))))
    assert "auth.private_key: is encrypted: give it without a password" in found


def test_the_first_problem_of_every_entry_is_told_at_once():
    file = {
        "accounts": [
            {"id": "a b", "endpoints": [{"url": "x"}]},
            {"id": "b", "endpoints": [{"url": "x"}, endpoint(id="ok"), {"order": "x"}, "text"]},
            {"id": "c", "plan": "gold", "profile": "calenso"},
        ]
    }
    assert [found.partition(": ")[0] for found in problems(file)] == [
        "accounts.0.id",
        "accounts.1.endpoints.0.url",
        "accounts.1.endpoints.2.url",
        "accounts.1.endpoints.3",
        "accounts.2.plan",
    ]


WRONG_FILES: list[tuple[object, str]] = [
    (None, "None: give an object"),
    ({}, "accounts: missing"),
    ({"accounts": {"id": "a"}}, "accounts: give a list: begin each entry with -"),
    ({"acounts": []}, "acounts: unknown field: did you mean accounts?"),
    ({"accounts": [{}]}, "accounts.0.id: missing"),
    ({"accounts": [{"id": "a", "nam": "x"}]}, "accounts.0.nam: unknown field: did you mean na"),
    (
        {"accounts": [{"id": "a", "name": "x\n"}]},
        "accounts.0.name: write at most 200 printable",
    ),
    (
        {"accounts": [{"id": "a", "owner_email": "a@b, c@d"}]},
        "accounts.0.owner_email: 'a@b, c@d': write one address",
    ),
    (
        {"accounts": [{"id": "a", "owner_email": "a@example.com\nBcc: x@example.com"}]},
        "accounts.0.owner_email: ",
    ),
    (
        {"accounts": [{"id": "a", "profile": "calenso", "plan": "basik"}]},
        "accounts.0.plan: 'basik' is no plan of calenso: did you mean basic?",
    ),
    (
        {"accounts": [{"id": "a", "plan": "basic"}]},
        "accounts.0.plan: 'basic' is no plan of standard-webhooks: known: none",
    ),
    (
        {"accounts": [{"id": "a", "endpoints": [{"removed": True}]}]},
        "accounts.0.endpoints.0.id: missing: say by id or by url which one is removed",
    ),
]


@pytest.mark.parametrize(("file", "message"), WRONG_FILES)
def test_an_account_that_cannot_be_is_refused(file: object, message: str):
    found = problems(file)
    assert len(found) == 1
    assert found[0].startswith(message)


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "topsecret"},
        {"secret": ["topsecret"]},
        {"auth": {"type": "bearer", "token": ["topsecret"]}},
        {"auth": {"type": "bearer", "token": "topsecret\n"}},
        {"auth": {"type": "basic", "username": "me", "password": "topsecret\n"}},
        {"auth": {"type": "mtls", "certificate": "topsecret", "private_key": "topsecret"}},
        {"auth": ["topsecret"]},
        {"auth": "topsecret"},
        {"signing": ["v1a"], "signing_key": "topsecret"},
    ],
)
def test_no_problem_quotes_a_secret(changes: dict[str, object]):
    found = problems(document(endpoint(**changes)))
    assert len(found) == 1
    assert "topsecret" not in found[0]


def test_endpoints_in_the_wrong_shape_are_not_quoted_either():
    file = {"accounts": [{"id": "a", "endpoints": {"secret": "topsecret"}}]}
    assert problems(file) == ["accounts.0.endpoints: give a list: begin each entry with -"]


def test_no_secret_is_in_the_repr_of_an_entry():
    entry = read_one(endpoint(secret=WHSEC, auth={"type": "bearer", "token": "topsecret"}))
    assert "topsecret" not in repr(entry)
    assert WHSEC not in repr(entry)
