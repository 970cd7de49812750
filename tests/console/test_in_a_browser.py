from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.api.running_api import OPERATOR_KEY, running_api
from tests.console.browsed import Browsed, answering
from tests.console.chromium import PHONE, Tab, running_chromium
from tests.kafka_broker import SessionBroker
from tests.receiver import Answer, receiving
from tests.running_pipeline import STAGES, eventually

HOSTILE = "<script>window.hit=1</script>\"'><img src=x onerror=window.hit=1>{{7*7}}"
PAGES = {
    "Overview": "Overview",
    "Endpoints": "Endpoints",
    "Deliveries": "Deliveries",
    "Dead letters": "Dead letters",
    "Replays": "Replays",
    "Event types": "Event types",
    "Accounts": "Accounts",
    "Audit log": "Audit log",
    "System": "System",
}


@pytest.fixture(scope="module")
def browsed(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Generator[Browsed]:
    """All stages, a receiver and a browser for all tests, each with an account of its own."""
    data_dir: Path = tmp_path_factory.mktemp("browsed") / "data"
    with (
        running_chromium() as browser,
        receiving(answering) as receiver,
        running_api(broker.bootstrap_servers, data_dir) as api,
    ):
        api.pipeline.run(*STAGES)
        yield Browsed(api, receiver, browser)
        assert "Traceback" not in api.log()


def test_a_wrong_key_and_a_wrong_password_stay_outside_and_the_right_key_comes_in(
    browsed: Browsed,
):
    with browsed.tab() as tab:
        assert tab.go("/deliveries?status=dead") == 200
        tab.fill("Key", "op_wrong")
        tab.press("Sign in with the key")
        tab.page.get_by_role("alert").wait_for()
        tab.fill("Name", "nobody")
        tab.fill("Password", "not a password")
        tab.press("Sign in")
        tab.wait_text("The name or the password is wrong.")
        assert [one for one in tab.complaints if "401" not in one] == []
        tab.complaints.clear()  # the browser's own notes of the two answers
        tab.fill("Key", OPERATOR_KEY)
        tab.press("Sign in with the key")
        tab.wait_path("/deliveries?status=dead")
        tab.press("Sign out", within="header")
        tab.wait_path("/sign-in")
        tab.go("/accounts")
        assert "/sign-in" in tab.page.url


def test_every_page_is_reached_with_the_keyboard_alone(browsed: Browsed):
    with browsed.operator() as tab:
        tab.page.keyboard.press("Tab")
        assert focused(tab) == "Skip to the content"
        tab.page.keyboard.press("Enter")
        assert tab.page.evaluate("document.activeElement.id") == "main"
        for name, heading in PAGES.items():
            tab.go("/audit")
            for _ in range(len(PAGES) + 3):
                tab.page.keyboard.press("Tab")
                if focused(tab) == name:
                    break
            assert focused(tab) == name
            tab.page.keyboard.press("Enter")
            tab.page.get_by_role("heading", level=1, name=heading).wait_for()


def focused(tab: Tab) -> str:
    return tab.page.evaluate("document.activeElement.textContent.trim()")


@pytest.fixture(scope="module")
def hostile(browsed: Browsed) -> dict[str, str]:
    """One of each thing, with hostile text wherever tenants, producers and receivers may write."""
    operator = browsed.api.operator
    account = browsed.api.new_account(name=HOSTILE, profile="twelve-build", webhooks_enabled=True)
    plain = browsed.api.new_account(name=HOSTILE)
    endpoint = browsed.endpoint(
        plain,
        "/refuse?%3Cscript%3E=\"'><b>",
        description=HOSTILE,
        headers={"X-Own": "<script>window.hit=1</script>"},
        retry={"delays": ["1s"]},
    )
    event = {"account": plain, "type": "order.created", "subject": HOSTILE, "data": {"a": HOSTILE}}
    assert operator.post("/v1/events", json=event).status_code == 202
    delivery = browsed.deliveries(plain, 1, status="dead")[0]["id"]
    eventually(lambda: operator.get(f"/v1/dead-letters/{delivery}").status_code == 200)
    browsed.api.made_key(account=plain, name=HOSTILE)
    evil = f"evil.{plain}"
    described = {"type": evil, "description": HOSTILE, "sample": {HOSTILE: HOSTILE}}
    assert operator.post("/v1/event-types", json=described).status_code == 201
    relation = f"/v1/accounts/{account}/relations/<b>x"
    assert operator.put(relation, json={"star": "gold"}).status_code == 201
    operator.post(f"{relation}/data", json={"key": "note", "value": HOSTILE})
    replay = operator.post(
        "/v1/replays", json={"endpoint": endpoint, "since": "2026-01-01T00:00:00Z", "dry_run": True}
    )
    return {
        "account": plain,
        "related": account,
        "endpoint": endpoint,
        "delivery": delivery,
        "type": evil,
        "replay": replay.json()["id"],
    }


def pages_of_an_account(hostile: dict[str, str]) -> list[str]:
    account, endpoint, delivery = hostile["account"], hostile["endpoint"], hostile["delivery"]
    return [
        *("/", "/endpoints", "/endpoints/new", "/deliveries", "/dead-letters", "/replays"),
        *(
            f"/endpoints/{endpoint}",
            f"/endpoints/{endpoint}/edit",
            f"/endpoints/{endpoint}/waiting",
        ),
        *(f"/deliveries/{delivery}", f"/dead-letters/one/{delivery}"),
        *(f"/dead-letters/redrive?id={delivery}", f"/replays/{hostile['replay']}"),
        *(f"/accounts/{account}", "/audit"),
    ]


def pages_of_operators(hostile: dict[str, str]) -> list[str]:
    account, related = hostile["account"], hostile["related"]
    return [
        *(page for page in pages_of_an_account(hostile) if page != "/endpoints/new"),
        *(f"/endpoints/new?account={account}", f"/endpoints/new?account={related}"),
        *("/event-types", "/event-types/new", f"/event-types/{hostile['type']}/edit"),
        *("/accounts", "/accounts/new", f"/accounts/{related}/relations", "/system"),
        f"/deliveries?endpoint={hostile['endpoint']}&type=%3Cscript%3E",
    ]


def check_inert(tab: Tab, path: str) -> None:
    assert tab.go(path) == 200, path
    assert tab.page.evaluate("window.hit") is None, path
    assert tab.page.locator("main script, main img, main b").count() == 0, path
    assert tab.complaints == [], path


def test_every_page_is_inert_and_accessible_in_both_palettes_and_fits_a_phone(
    browsed: Browsed, hostile: dict[str, str]
):
    with browsed.operator() as tab:
        for path in pages_of_operators(hostile):
            check_inert(tab, path)
            assert tab.violations() == [], path
            tab.page.emulate_media(color_scheme="dark")
            assert tab.violations(rules=("color-contrast",)) == [], f"{path} in the dark"
            tab.page.set_viewport_size({"width": PHONE, "height": 800})
            assert tab.overflow_px <= 0, f"{path} on a phone"
            tab.page.set_viewport_size({"width": 1440, "height": 900})
            tab.page.emulate_media(color_scheme="light")


def test_an_accounts_link_shows_its_own_things_alone_and_hostile_ones_inert(
    browsed: Browsed, hostile: dict[str, str]
):
    others = browsed.endpoint(browsed.api.new_account())
    with browsed.visitor_of(hostile["account"]) as tab:
        assert "/portal/" in tab.page.url
        for path in pages_of_an_account(hostile):
            check_inert(tab, f"/portal{path}")
            assert others not in tab.page.content(), path
        foreign = [
            f"/portal/endpoints/{others}",
            f"/portal/accounts/{hostile['related']}",
            f"/portal/accounts/{hostile['related']}/relations",
            *("/portal/system", "/portal/accounts", "/portal/event-types"),
        ]
        for path in foreign:
            assert tab.go(path) == 404, path
        assert all("404" in one for one in tab.complaints)
        tab.complaints.clear()  # the browser's own notes of those


def test_who_may_only_read_is_offered_nothing_to_change(browsed: Browsed, hostile: dict[str, str]):
    with browsed.visitor_of(hostile["account"], "read") as tab:
        for path in pages_of_an_account(hostile):
            if path != "/endpoints/new" and not path.endswith("/edit"):
                tab.go(f"/portal{path}")
                buttons = tab.page.locator("main form[method=post] button").all_inner_texts()
                assert set(buttons) <= {"Look", "Show its body"}, path


def test_an_endpoint_lives_its_whole_life_by_forms(browsed: Browsed):
    account = browsed.api.new_account()
    with browsed.operator() as tab:
        tab.go(f"/endpoints/new?account={account}")
        tab.fill("URL", browsed.receiver.url("/life"))
        tab.press("Create the endpoint")
        tab.wait_text("whsec_")
        endpoint = browsed.api.operator.get(f"/v1/endpoints?account={account}").json()["items"][0]
        tab.go(f"/endpoints/{endpoint['id']}")
        tab.press("Send a sample")
        tab.wait_text("A sample is on its way")
        browsed.receiver.wait_for(1, path="/life")
        browsed.deliveries(account, 1, status="delivered")
        tab.go(f"/endpoints/{endpoint['id']}")
        tab.fill("Reason", "moving house")
        tab.press("Deactivate")
        tab.wait_text("receives nothing until it is activated again")
        assert "moving house" in tab.text()
        tab.press("Activate")
        tab.wait_text("The endpoint receives again.")
        tab.press("Rotate the secret")
        tab.wait_text("whsec_")


def test_an_endpoint_is_tried_edited_and_removed_by_forms(browsed: Browsed):
    endpoint = browsed.endpoint(browsed.api.new_account())
    with browsed.operator() as tab:
        tab.go(f"/endpoints/{endpoint}")
        tab.fill("Type", "order.created")
        tab.press("Look")
        tab.wait_text("Yes.")
        tab.page.get_by_role("link", name="Edit", exact=True).click()
        tab.fill("Description", "of a test")
        tab.press("Save")
        tab.wait_text("The change is saved.")
        tab.fill("Write its id to remove it for good", endpoint)
        tab.press("Remove")
        tab.wait_text("The endpoint is removed.")


def test_a_new_delivery_appears_by_itself_and_is_triggered_again(browsed: Browsed):
    account = browsed.api.new_account()
    browsed.endpoint(account, "/live")
    browsed.publish(account, 1)
    first = browsed.deliveries(account, 1, status="delivered")[0]["id"]
    with browsed.operator() as tab:
        tab.go(f"/deliveries?account={account}")
        assert tab.page.locator("#rows tr").count() == 1
        browsed.publish(account, 2)
        tab.page.locator("#rows tr").nth(1).wait_for()
        tab.go(f"/deliveries/{first}")
        tab.press("Trigger again")
        tab.wait_text("It is sent again")
        again = browsed.receiver.wait_for(3, path="/live")[-1]
        assert again.header("webhook-triggered-again") == "true"
        tab.go(f"/deliveries?account={account}&cause=event")
        tab.page.get_by_label("Select all shown").check()
        tab.press("Trigger again what is selected")
        tab.wait_text("2 triggered again")
        browsed.receiver.wait_for(5, path="/live")


def test_what_waits_is_tried_now_or_dropped(browsed: Browsed):
    account = browsed.api.new_account()
    browsed.endpoint(account, "/broken/waits", retry={"delays": ["1h"]})
    browsed.publish(account, 1, 2)
    now, dropped = (one["id"] for one in browsed.deliveries(account, 2, status="retrying"))
    with browsed.operator() as tab:
        tab.go(f"/deliveries/{now}")
        tab.press("Try now")
        tab.wait_text("Its next attempt is made now.")
        browsed.receiver.wait_for(3, path="/broken/waits")
        tab.go(f"/deliveries/{dropped}")
        tab.press("Drop")
        tab.wait_text("It is sent no more.")
    browsed.deliveries(account, 1, status="dropped")


def test_dead_letters_are_counted_and_sent_again_one_by_one_and_by_a_filter(browsed: Browsed):
    account, endpoint = browsed.refused(1, 2, 3)
    path = browsed.api.operator.get(f"/v1/endpoints/{endpoint}").json()["url"]
    path = path.removeprefix(browsed.receiver.url(""))
    browsed.receiver.behaviour = lambda _: Answer(200)
    try:
        with browsed.operator() as tab:
            tab.go(f"/dead-letters?account={account}")
            tab.wait_text("Every attempt of its schedule failed.")
            tab.page.locator("table.list tbody a").first.click()
            tab.page.get_by_role("link", name="Send it again").click()
            tab.page.get_by_role("heading", name="Send 1 dead letter again?").wait_for()
            tab.press("Send it again")
            tab.wait_text("1 of 1 sent")
            browsed.deliveries(account, 1, status="delivered")
            tab.go(f"/dead-letters?endpoint={endpoint}&type=order.created")
            tab.page.get_by_role("link", name="Send these again").click()
            tab.wait_text("order.created")
            tab.press("Send them again")
            tab.wait_text("done")
        browsed.deliveries(account, 3, status="delivered")
        assert len(browsed.receiver.to(path)) == 9, "two attempts each, then one"
    finally:
        browsed.receiver.behaviour = answering


def test_a_replay_is_counted_first_then_made_and_another_cancelled(browsed: Browsed):
    account = browsed.api.new_account()
    browsed.publish(account, *range(6))
    endpoint = browsed.endpoint(account, "/replayed")
    with browsed.operator() as tab:
        tab.go("/replays")
        tab.press("Replay at once")
        tab.page.get_by_role("alert").get_by_text("give either").wait_for()
        tab.complaints.clear()  # the browser's own note of the 422
        tab.fill("Endpoint", endpoint)
        tab.press("Count first")
        tab.wait_text("6 deliveries would be made. Nothing was sent.")
        assert browsed.receiver.to("/replayed") == []
        tab.press("Replay them")
        tab.wait_text("6 of 6 sent")
        browsed.receiver.wait_for(6, path="/replayed")
        tab.go("/replays")
        tab.fill("Endpoint", endpoint)
        tab.fill("At most so many a second", "1")
        tab.press("Replay at once")
        tab.press("Cancel")
        tab.wait_text("Nothing more is written")
        tab.wait_text("cancelled")


def test_an_event_type_is_described_changed_and_forgotten(browsed: Browsed):
    name = f"shown.{browsed.api.new_account()}"
    with browsed.operator() as tab:
        tab.go("/event-types/new")
        tab.fill("Type", name)
        tab.fill("Description", "Something was shown.")
        tab.fill("Sample", '{"id": ')
        tab.press("Describe it")
        tab.wait_text("is no JSON")
        tab.complaints.clear()  # the browser's own note of the 422
        tab.fill("Sample", '{"id": 7}')
        tab.fill("Schema", '{"type": "object"}')
        tab.press("Describe it")
        tab.wait_text("The event type is described.")
        tab.page.get_by_role("link", name=f"Edit {name}").click()
        tab.fill("Description", "It was shown, indeed.")
        tab.press("Save")
        tab.wait_text("It was shown, indeed.")
        tab.page.get_by_role("link", name=f"Edit {name}").click()
        tab.press("Remove the description")
        tab.wait_text("The event type is described no more.")
    assert browsed.api.operator.get(f"/v1/event-types/{name}").status_code == 404


def test_an_account_is_made_switched_and_removed_by_forms(browsed: Browsed):
    name = f"by-hand-{browsed.api.new_account()}"
    with browsed.operator() as tab:
        tab.go("/accounts/new")
        tab.fill("Id", name)
        tab.fill("Owner's e-mail", "ops@example.com")
        tab.press("Create the account")
        tab.wait_text("The account is made.")
        tab.press("Switch webhooks off")
        tab.wait_text("Nothing is sent.")
        tab.press("Switch webhooks on")
        tab.wait_text("webhooks on")
        found = browsed.api.operator.get(f"/v1/accounts/{name}").json()
        assert found["owner_email"] == "ops@example.com"
        tab.fill("Write its id to confirm it", name)
        tab.press("Remove the account")
        tab.wait_text("The account is removed")


def test_a_key_and_a_link_are_made_and_shown_once(browsed: Browsed):
    name = browsed.api.new_account()
    with browsed.operator() as tab:
        tab.go(f"/accounts/{name}")
        tab.fill("Name", "billing", within='form[action$="/keys"]')
        tab.press("Make a key")
        key = tab.text("#key-text")
        own = browsed.api.client(key)
        assert own.get(f"/v1/accounts/{name}").status_code == 200
        tab.go(f"/accounts/{name}")
        assert key not in tab.page.content(), "it was shown once"
        tab.press("Make a link")
        link = tab.text("#link-text")
        with browsed.tab() as portal:
            portal.page.goto(link)
            portal.page.get_by_role("link", name="Account", exact=True).click()
            assert name in portal.text()
            assert "read only" in portal.text("header")
        tab.go(f"/accounts/{name}")
        tab.press("Revoke billing")
        tab.wait_text("The key is revoked")
        assert own.get(f"/v1/accounts/{name}").status_code == 401


def test_a_companys_star_is_set_and_what_is_kept_with_it_changed(browsed: Browsed):
    account = browsed.api.new_account(profile="twelve-build")
    with browsed.visitor_of(account) as tab:
        tab.page.get_by_role("link", name="Account", exact=True).click()
        tab.page.get_by_role("link", name="Companies and their stars").click()
        tab.fill("Company", "4711")
        tab.page.locator("select[name=star]").first.select_option("gold")
        tab.press("Mark it")
        tab.wait_text("★ gold")
        tab.page.get_by_text("0 kept with it").click()
        tab.fill("Key", "note")
        tab.fill("Value (JSON)", '{"rating": 5}')
        tab.press("Keep")
        tab.page.get_by_text("1 kept with it").click()
        tab.press("Discard note of 4711")
        tab.wait_text("0 kept with it")
        tab.press("Remove 4711")
        tab.wait_text("The relation is removed.")


def test_another_sites_form_is_refused(browsed: Browsed):
    endpoint = browsed.endpoint(browsed.api.new_account())
    target = f"{browsed.api.url}/endpoints/{endpoint}/do/deactivate"
    form = f'<form method="post" action="{target}"><button>Win</button></form>'
    browsed.receiver.behaviour = lambda _: Answer(
        200, (("Content-Type", "text/html"),), form.encode()
    )
    try:
        with browsed.operator() as tab:
            tab.page.goto(browsed.receiver.url("/evil"))
            with tab.page.expect_navigation():
                tab.page.get_by_role("button", name="Win").click()
            tab.wait_text("This came from another site's page.")
            tab.complaints.clear()  # the browser's own note of the 403
    finally:
        browsed.receiver.behaviour = answering
    found = browsed.api.operator.get(f"/v1/endpoints/{endpoint}").json()
    assert found["status"] == "active"
