from __future__ import annotations

import pytest

from tests.console.browsing import Browser, ConsoleUnderTest

OTHER_SITES = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {},
]


def status_of(console: ConsoleUnderTest, endpoint: str) -> str:
    return console.api.operator.get(f"/v1/endpoints/{endpoint}").json()["status"]


def deactivate(browser: Browser, endpoint: str, *, csrf: str, root: str = "") -> int:
    path = f"{root}/endpoints/{endpoint}/do/deactivate"
    return browser.send(path, {"reason": "a test"}, csrf=csrf).status_code


@pytest.mark.parametrize("headers", OTHER_SITES)
def test_another_sites_page_changes_nothing(console: ConsoleUnderTest, headers: dict[str, str]):
    endpoint = console.new_endpoint(console.api.new_account())
    with console.operator() as operator:
        csrf = operator.csrf(f"/endpoints/{endpoint}")
        path = f"/endpoints/{endpoint}/do/deactivate"
        assert operator.send(path, {}, csrf=csrf, headers=headers).status_code == 403
    assert status_of(console, endpoint) == "active"


def test_without_the_token_of_the_own_page_nothing_is_changed(console: ConsoleUnderTest):
    endpoint = console.new_endpoint(console.api.new_account())
    with console.operator() as operator, console.operator() as another:
        for csrf in ("", "0" * 64, another.csrf("/")):
            assert deactivate(operator, endpoint, csrf=csrf) == 403
        assert status_of(console, endpoint) == "active"
        assert deactivate(operator, endpoint, csrf=operator.csrf("/")) == 303
    assert status_of(console, endpoint) == "inactive"


def test_an_account_sees_and_changes_its_own_alone(console: ConsoleUnderTest):
    own, others = console.api.new_account(), console.api.new_account()
    mine, theirs = console.new_endpoint(own), console.new_endpoint(others)
    delivery = console.tried(others, theirs).delivery_id
    with console.visitor_of(own) as visitor:
        assert mine in visitor.get("/portal/endpoints").text
        for page in ("/", "/endpoints", "/deliveries", "/audit"):
            assert theirs not in visitor.get(f"/portal{page}").text, page
        for path in (f"endpoints/{theirs}", f"endpoints/{theirs}/edit", f"deliveries/{delivery}"):
            assert visitor.get(f"/portal/{path}").status_code == 404, path
        assert visitor.get(f"/portal/deliveries?account={others}").status_code == 404
        assert visitor.get(f"/portal/endpoints?account={others}").status_code == 404
        csrf = visitor.csrf(f"/portal/endpoints/{mine}")
        assert deactivate(visitor, theirs, csrf=csrf, root="/portal") == 404
        assert deactivate(visitor, mine, csrf=csrf, root="/portal") == 303
        assert visitor.get("/endpoints").status_code == 303, "operators' pages know no link"
    assert status_of(console, theirs) == "active"
    assert status_of(console, mine) == "inactive"


def test_a_link_for_reading_changes_nothing_and_offers_nothing(console: ConsoleUnderTest):
    account = console.api.new_account()
    endpoint = console.new_endpoint(account)
    with console.visitor_of(account, "read") as reader, console.visitor_of(account) as writer:
        page = reader.get(f"/portal/endpoints/{endpoint}").text
        assert "Deactivate" not in page
        csrf = reader.csrf(f"/portal/endpoints/{endpoint}")
        assert deactivate(reader, endpoint, csrf=csrf, root="/portal") == 403
        del writer
    assert status_of(console, endpoint) == "active"


def test_a_link_that_was_altered_or_made_for_something_else_opens_nothing(
    console: ConsoleUnderTest,
):
    link = console.link(console.api.new_account(), "full")
    with console.browser() as browser:
        for text in (link[:-2] + "AA", "/portal/link/x", "/portal/link/" + "A" * 2000):
            assert browser.get(text).status_code == 401
        assert browser.get("/portal/").status_code == 401
        browser.http.cookies.set("pipeline_portal", "A" * 80)
        assert browser.get("/portal/").status_code == 401


@pytest.mark.parametrize("given", [{"access": "all"}, {"access": "read", "expires_in": "2d"}, {}])
def test_a_link_that_cannot_be_made_names_the_field(
    console: ConsoleUnderTest, given: dict[str, str]
):
    account = console.api.new_account()
    answer = console.api.operator.post(f"/v1/accounts/{account}/console-link", json=given)
    assert answer.status_code == 422
    own = console.api.client(console.api.new_key(account=account))
    refused = own.post(f"/v1/accounts/{account}/console-link", json={"access": "read"})
    assert refused.status_code == 403, "an account makes no links"


def test_an_endpoint_is_made_and_changed_by_its_profiles_form(console: ConsoleUnderTest):
    account = console.api.new_account(profile="twelve-build")
    with console.operator() as operator:
        form = operator.get(f"/endpoints/new?account={account}").text
        assert 'value="Company.created"' in form
        csrf = operator.csrf(f"/endpoints/new?account={account}")
        fields = {"account": account, "url": "ftp://nowhere", "event_type": "Company.created"}
        refused = operator.send("/endpoints/new", fields, csrf=csrf)
        assert refused.status_code == 422
        assert 'id="e-url"' in refused.text
        assert 'value="Company.created" aria-label="Company created" checked' in refused.text
        fields |= {"url": "http://127.0.0.1:9/hook", "id": f"e-{account}", "headers": "X-A: 1"}
        made = operator.send("/endpoints/new", fields, csrf=csrf)
        assert made.status_code in {200, 303}, made.text
        changed = {"url": "http://127.0.0.1:9/other", "retry": "5s, 1m", "order": "none"}
        edited = operator.send(f"/endpoints/e-{account}/edit", changed, csrf=csrf)
        assert edited.status_code == 303, edited.text
    found = console.api.operator.get(f"/v1/endpoints/e-{account}").json()
    assert found["url"] == "http://127.0.0.1:9/other"
    assert found["event_types"] == []
    assert found["headers"] == {}
    assert found["retry"]["delays"] == ["5s", "1m"]


def test_a_removal_has_to_be_confirmed(console: ConsoleUnderTest):
    endpoint = console.new_endpoint(console.api.new_account())
    with console.operator() as operator:
        csrf, path = operator.csrf("/"), f"/endpoints/{endpoint}/remove"
        assert operator.send(path, {"confirmed": "yes"}, csrf=csrf).status_code == 422
        assert status_of(console, endpoint) == "active"
        assert operator.send(path, {"confirmed": endpoint}, csrf=csrf).status_code == 303
    assert console.api.operator.get(f"/v1/endpoints/{endpoint}").status_code == 404


def test_a_rotated_secret_is_shown_once(console: ConsoleUnderTest):
    endpoint = console.new_endpoint(console.api.new_account())
    with console.operator() as operator:
        csrf = operator.csrf("/")
        shown = operator.send(f"/endpoints/{endpoint}/rotate", {"overlap": "1h"}, csrf=csrf)
        assert shown.status_code == 200
        assert "whsec_" in shown.text
        assert "whsec_" not in operator.get(f"/endpoints/{endpoint}").text


def test_whether_an_event_would_match_is_told_and_nothing_is_published(console: ConsoleUnderTest):
    endpoint = console.new_endpoint(console.api.new_account(), event_types=["order.*"])
    with console.operator() as operator:
        csrf, path = operator.csrf("/"), f"/endpoints/{endpoint}/match"
        yes = operator.send(path, {"type": "order.paid", "data": "{}"}, csrf=csrf).text
        no = operator.send(path, {"type": "person.created", "data": "{}"}, csrf=csrf).text
        broken = operator.send(path, {"type": "order.paid", "data": "{"}, csrf=csrf)
    assert "<strong>Yes.</strong>" in yes
    assert "<strong>No.</strong>" in no
    assert broken.status_code == 422


def test_all_endpoints_are_listed_for_whom_they_are(console: ConsoleUnderTest):
    own, others = console.api.new_account(), console.api.new_account()
    mine, theirs = console.new_endpoint(own), console.new_endpoint(others)
    console.tried(others, theirs)
    client = console.api.client(console.api.new_key(account=own))
    assert [each["id"] for each in client.get("/v1/endpoints").json()["items"]] == [mine]
    assert client.get(f"/v1/endpoints?account={others}").status_code == 404
    assert client.get("/v1/statistics/endpoints").json() == {"items": []}
    found = console.api.operator.get(f"/v1/endpoints?account={others}").json()["items"]
    assert [each["id"] for each in found] == [theirs]
    worst = console.api.operator.get("/v1/statistics/endpoints?limit=100").json()["items"]
    assert {
        "endpoint": theirs,
        "account": others,
        "requests": 1,
        "accepted": 0,
        "failed": 1,
    } in worst


def test_a_failed_delivery_shows_its_attempt_and_what_is_refused_is_told_there(
    console: ConsoleUnderTest,
):
    account = console.api.new_account()
    delivery = console.tried(account, console.new_endpoint(account)).delivery_id
    with console.operator() as operator:
        page = operator.get(f"/deliveries/{delivery}").text
        assert 'id="attempt-1"' in page
        assert "Try now" in page
        csrf = operator.csrf("/")
        for action in ("trigger", "retry-now"):
            answer = operator.send(f"/deliveries/{delivery}/{action}", {}, csrf=csrf)
            assert answer.status_code in {409, 410}, "its record lies nowhere"
            assert 'role="alert"' in answer.text
        several = operator.send(
            "/deliveries/trigger",
            {"delivery": [delivery, "dlv_x"], "query": "status=dead"},
            csrf=csrf,
        )
        assert several.status_code == 200
        assert several.text.count("<li><a href=") >= 2
