"""The endpoint's form: every authentication, errors beside their fields, and the body's preview."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trustme

from tests.console.browsing import Browser, ConsoleUnderTest

SECRET = "nobody-may-read-it-again"
URL = "http://127.0.0.1:9/hook"
OAUTH2 = {
    "auth_type": "oauth2",
    "auth_token_url": "http://127.0.0.1:9/token",
    "auth_client_id": "us",
    "auth_secret": SECRET,
    "auth_scope": "hooks",
}


def sent(browser: Browser, account: str, **fields: str) -> Any:
    csrf = browser.csrf(f"/endpoints/new?account={account}")
    return browser.send("/endpoints/new", {"account": account, "url": URL} | fields, csrf=csrf)


def a_pair() -> tuple[str, str]:
    issued = trustme.CA().issue_cert("sender.test")
    return issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()


def auth_of(console: ConsoleUnderTest, account: str) -> Any:
    (found,) = console.api.operator.get(f"/v1/endpoints?account={account}").json()["items"]
    return found["auth"]


def test_oauth2_is_set_and_changed_in_parts_and_its_secret_is_never_shown(
    console: ConsoleUnderTest,
):
    account = console.api.new_account()
    with console.operator() as operator:
        made = sent(operator, account, id=f"e-{account}", **OAUTH2)
        assert made.status_code == 200, made.text
        assert SECRET not in made.text
        path = f"/endpoints/e-{account}/edit"
        form = operator.get(path).text
        assert 'value="http://127.0.0.1:9/token"' in form
        assert SECRET not in form
        assert "***" not in form, "it would be sent back"
        changed = {**OAUTH2, "url": URL, "order": "none", "auth_secret": "", "auth_scope": ""}
        csrf = operator.csrf(path)
        edited = operator.send(path, {**changed, "auth_client_id": "we"}, csrf=csrf)
        assert edited.status_code == 303, edited.text
    assert auth_of(console, account) == {
        "type": "oauth2",
        "token_url": "http://127.0.0.1:9/token",
        "client_id": "we",
        "client_secret": "***",
    }


def test_a_client_certificate_is_set_and_its_key_is_never_shown(console: ConsoleUnderTest):
    account = console.api.new_account()
    certificate, key = a_pair()
    _, another = a_pair()
    fields = {"auth_type": "mtls", "auth_certificate": certificate, "url": "https://127.0.0.1:9/"}
    with console.operator() as operator:
        refused = sent(operator, account, auth_private_key=another, **fields)
        assert refused.status_code == 422
        assert 'id="e-auth_private_key"' in refused.text
        assert another.splitlines()[1] not in refused.text
        assert certificate.splitlines()[1] in refused.text, "what is public stays"
        made = sent(operator, account, auth_private_key=key, **fields)
        assert made.status_code == 200, made.text
        assert key.splitlines()[1] not in made.text
    found = auth_of(console, account)
    assert found["type"] == "mtls"
    assert found["private_key"] == "***"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({**OAUTH2, "auth_secret": ""}, "auth_secret"),
        ({**OAUTH2, "auth_client_id": ""}, "auth_client_id"),
        ({**OAUTH2, "auth_token_url": "nowhere"}, "auth_token_url"),
        ({"auth_type": "mtls", "auth_certificate": "-----BEGIN"}, "auth_certificate"),
        ({"auth_type": "header", "auth_name": "a b", "auth_secret": SECRET}, "auth_name"),
        ({"auth_type": "basic", "auth_name": "a"}, "auth_secret"),
        ({"auth_type": "bearer", "auth_secret": f"Bearer {SECRET}"}, "auth_secret"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(
    console: ConsoleUnderTest, fields: dict[str, str], wrong: str
):
    account = console.api.new_account()
    with console.operator() as operator:
        refused = sent(operator, account, **fields)
    assert refused.status_code == 422
    assert f'id="e-{wrong}"' in refused.text
    assert SECRET not in refused.text


def preview(console: ConsoleUnderTest, path: str, document: object) -> Any:
    answered = console.api.operator.post(path, json=document)
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_the_body_of_a_sample_is_shown_as_it_would_be_sent_and_nothing_is_sent(
    console: ConsoleUnderTest,
):
    account = console.api.new_account()
    template = {"what": "$.event.type", "n": "$.event.data.n", "to": "$.endpoint.id"}
    endpoint = console.new_endpoint(account, body={"template": template})
    asked = {"type": "order.paid", "data": {"n": 1.5}}
    found = preview(console, f"/v1/endpoints/{endpoint}/preview", asked)
    assert json.loads(found["body"]) == {"what": "order.paid", "n": 1.5, "to": endpoint}
    assert found["content_type"] == "application/json"
    with console.visitor_of(account, "read") as reader:
        path = f"/portal/endpoints/{endpoint}/preview"
        csrf = reader.csrf(f"/portal/endpoints/{endpoint}")
        shown = reader.send(path, {"type": "a.b", "data": '{"n": "<b>"}'}, csrf=csrf)
        assert shown.status_code == 200
        assert "&#34;n&#34;: &#34;&lt;b&gt;&#34;" in shown.text
        broken = reader.send(path, {"type": "a.b", "data": "{"}, csrf=csrf)
        assert broken.status_code == 422
        others = console.new_endpoint(console.api.new_account())
        refused = reader.send(f"/portal/endpoints/{others}/preview", {"type": "a.b"}, csrf=csrf)
        assert refused.status_code == 404
    query = {"account": account}
    assert console.api.operator.get("/v1/deliveries", params=query).json()["items"] == []


def test_a_forms_choice_of_body_is_shown_before_anything_is_made(console: ConsoleUnderTest):
    account = console.api.new_account(profile="calenso")
    with console.operator() as operator:
        form = f"/endpoints/new?account={account}"
        assert "Preview the body" in operator.get(form).text
        bodies: list[str] = []
        for layout in ("nested", "flat"):
            fields = {"account": account, "url": URL, "auth_secret": SECRET, "format": layout}
            csrf = operator.csrf(form)
            shown = operator.send("/endpoints/preview", fields, csrf=csrf)
            assert shown.status_code == 200, shown.text
            assert SECRET not in shown.text
            bodies.append(shown.text.partition("<pre")[2])
        assert bodies[0] != bodies[1]
        headers = {"HX-Request": "true", "Origin": operator.origin}
        part = operator.send("/endpoints/preview", fields, csrf=csrf, headers=headers)
        assert "<html" not in part.text
        assert "<pre" in part.text
        wrong = {**fields, "format": "round"}
        told = operator.send("/endpoints/preview", wrong, csrf=csrf, headers=headers)
        assert told.status_code == 200, "a part that is refused would not be shown"
        assert 'role="alert"' in told.text
    assert console.api.operator.get(f"/v1/endpoints?account={account}").json()["items"] == []


def test_a_preview_that_cannot_be_made_names_the_field(console: ConsoleUnderTest):
    account = console.api.new_account()
    path = f"/v1/accounts/{account}/preview"
    for document, pointer in (
        ({"body": {"format": "round"}}, "/body/format"),
        ({"body": {"template": {"a": "$.nothing"}}}, "/body/template/a"),
        ({"profile": "none-such"}, "/profile"),
        ({"type": "a b"}, "/type"),
    ):
        answered = console.api.operator.post(path, json=document)
        assert answered.status_code == 422, document
        assert [error["pointer"] for error in answered.json()["errors"]] == [pointer]
