from __future__ import annotations

import pytest

from tests.console.browsing import ANCESTOR, ConsoleUnderTest, Markup

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors "
)


@pytest.fixture(scope="module")
def seeded(console: ConsoleUnderTest) -> dict[str, str]:
    """One of each thing, with hostile text wherever a tenant may write."""
    account = console.api.new_account(name=HOSTILE)
    endpoint = console.new_endpoint(
        account,
        url="http://127.0.0.1:9/x?%3Cscript%3E=\"'><b>",
        description=HOSTILE,
        headers={"X-Own": "<script>alert(2)</script>"},
        metadata={"<script>": HOSTILE},
        filter={"data.a": HOSTILE},
        auth={"type": "header", "name": "X-Key", "value": "a secret of the customer"},
    )
    attempt = console.tried(
        account,
        endpoint,
        event_type="order.<script>alert(3)</script>",
        subject=HOSTILE,
        event_id=f"evt_{HOSTILE}",
        error=HOSTILE,
        response_body=HOSTILE.encode(),
        response_headers={"X-Evil": HOSTILE, "<script>": "1"},
        request_headers={"X-Sent": HOSTILE},
    )
    return {"account": account, "endpoint": endpoint, "delivery": attempt.delivery_id}


def paths(seeded: dict[str, str], root: str) -> list[str]:
    endpoint, delivery = seeded["endpoint"], seeded["delivery"]
    return [
        f"{root}/",
        f"{root}/endpoints",
        f"{root}/endpoints/new?account={seeded['account']}",
        f"{root}/endpoints/{endpoint}",
        f"{root}/endpoints/{endpoint}/edit",
        f"{root}/endpoints/{endpoint}/waiting",
        f"{root}/deliveries",
        f"{root}/deliveries?endpoint={endpoint}&status=retrying",
        f"{root}/deliveries/{delivery}",
        f"{root}/audit",
    ]


def test_hostile_content_is_inert_on_every_page(console: ConsoleUnderTest, seeded: dict[str, str]):
    with console.operator() as operator, console.visitor_of(seeded["account"]) as owner:
        for browser, root in ((operator, ""), (owner, "/portal")):
            for path in paths(seeded, root):
                answer = browser.get(path)
                assert answer.status_code == 200, f"{path}: {answer.text}"
                markup = Markup(answer.text)
                assert markup.inline == [], path
                assert markup.tags.count("script") == 3, path
                assert {"b"}.isdisjoint(markup.tags), path
                assert [tag for tag in markup.tags if tag == "img"] == ["img"], path
                assert all(url.startswith(("/", "#", "?")) for url in markup.urls), path
                assert "49" not in answer.text.split("alert(1)&gt;")[-1][:10], path


def test_a_hostile_query_is_inert(console: ConsoleUnderTest):
    with console.operator() as operator:
        for name in ("status", "endpoint", "type", "cursor", "done", "http_status", "since"):
            answer = operator.get("/deliveries", params={name: HOSTILE})
            assert Markup(answer.text).inline == [], name
            assert "<script>alert" not in answer.text, name


def test_an_address_cannot_make_a_page_say_something(console: ConsoleUnderTest):
    with console.operator() as operator:
        said = operator.get("/endpoints", params={"done": "Your account is locked: call us."}).text
        assert "call us" not in said
        assert "The endpoint is removed." in operator.get("/endpoints?done=removed").text
        assert "7 triggered again." in operator.get("/deliveries?done=7+triggered+again").text


def test_every_answer_forbids_what_is_not_its_own(
    console: ConsoleUnderTest, seeded: dict[str, str]
):
    with console.operator() as operator, console.browser() as nobody:
        answers = [operator.get(path) for path in paths(seeded, "")]
        answers += [operator.get("/nothing"), nobody.get("/sign-in"), nobody.get("/")]
        for answer in answers:
            assert answer.headers["content-security-policy"] == f"{STRICT}'none'", answer.url
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert answer.headers["cache-control"] == "no-store"


def test_only_named_origins_may_embed_an_accounts_pages(
    console: ConsoleUnderTest, seeded: dict[str, str]
):
    with console.visitor_of(seeded["account"]) as owner:
        policy = owner.get("/portal/").headers["content-security-policy"]
    assert policy == f"{STRICT}'self' {ANCESTOR}"


def test_static_files_are_kept_by_their_content_and_name_no_other_site(console: ConsoleUnderTest):
    with console.browser() as browser:
        urls = [url for url in Markup(browser.get("/sign-in").text).urls if "/static/" in url]
        assert len(urls) == 5
        for url in urls:
            answer = browser.get(url)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
        assert browser.get("/static/..%2f..%2fsettings.py").status_code == 404
        assert browser.get("/static/console.css").headers["cache-control"] == "no-cache"


def test_the_api_and_its_problems_stay_where_they_were(console: ConsoleUnderTest):
    with console.operator() as browser:
        answer = browser.get("/v1/accounts")
        assert answer.status_code == 401, "a cookie is no key"
        assert answer.headers["content-type"] == "application/problem+json"
        assert browser.get("/healthz").json() == {"status": "ok"}


def test_a_live_part_is_a_part_and_no_page(console: ConsoleUnderTest, seeded: dict[str, str]):
    with console.operator() as operator:
        rows = operator.get("/deliveries", headers={"HX-Request": "true"}).text
        assert seeded["delivery"] in rows
        assert "<html" not in rows
        assert "<html" not in operator.get("/", headers={"HX-Request": "true"}).text


def test_what_is_secret_of_an_endpoint_is_on_no_page(
    console: ConsoleUnderTest, seeded: dict[str, str]
):
    with console.operator() as operator:
        for path in paths(seeded, ""):
            assert "a secret of the customer" not in operator.get(path).text, path


def test_who_takes_a_wrong_turn_keeps_the_navigation(console: ConsoleUnderTest):
    as_browsers_ask = {"Accept": "text/html"}
    with console.operator() as operator, console.browser() as nobody:
        lost = operator.get("/nothing", headers=as_browsers_ask)
        assert lost.status_code == 404
        assert 'href="/deliveries"' in lost.text
        assert 'href="/deliveries"' not in nobody.get("/nothing", headers=as_browsers_ask).text


def test_an_empty_list_asks_for_itself_until_there_is_something(console: ConsoleUnderTest):
    account = console.api.new_account()
    query = f"/deliveries?account={account}&shown=none"
    part = {"HX-Request": "true"}
    with console.operator() as operator:
        assert f"account={account}&amp;shown=none" in operator.get(query).text
        empty = operator.get(query, headers=part)
        assert (empty.status_code, empty.text) == (204, "")
        assert "hx-refresh" not in empty.headers
        console.tried(account, console.new_endpoint(account))
        assert operator.get(query, headers=part).headers["hx-refresh"] == "true"
