"""What a file changes: ids, topics, secrets, states, and nothing where nothing differs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.domain.account_document import DocumentErrors
from pipeline.domain.account_planning import plan_changes
from pipeline.domain.change_plan import (
    Change,
    ChangeLine,
    ChangePlan,
    PlanRules,
    Tables,
    UnreadableSecrets,
)
from pipeline.domain.endpoint import (
    BearerAuth,
    Credentials,
    Endpoint,
    EndpointStatus,
    SigningSecret,
)
from pipeline.domain.endpoint_secrets import OVERLAP_MS, SecretSource
from pipeline.domain.signing_secrets import public_key
from pipeline.domain.topology import Topology
from tests.domain.endpoint_files import (
    NOW_MS,
    URL,
    World,
    document,
    endpoint,
    shipped_profiles,
)

WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_WHSEC = "whsec_" + "A" * 44
OWN = "webhooks.delivery."
SHARED = "webhooks.shared-delivery"


def endpoint_lines(plan: ChangePlan) -> list[ChangeLine]:
    return [line for line in plan.lines if line.endpoint is not None]


def changes(plan: ChangePlan) -> list[tuple[str | None, Change]]:
    return [(line.endpoint, line.change) for line in plan.lines]


def refusals(world: World, file: object) -> list[str]:
    with pytest.raises(DocumentErrors) as refused:
        world.plan(file)
    return [str(error) for error in refused.value.errors]


def test_what_is_new_is_created_with_all_that_its_record_needs():
    world = World()
    plan = world.apply(document(endpoint(), profile="twenty", name="Acme"))
    assert changes(plan) == [(None, Change.CREATED), ("crm", Change.CREATED)]
    account = world.accounts["acme"]
    assert (account.profile, account.name, account.webhooks_enabled) == ("twenty", "Acme", True)
    made = world.endpoints["crm"]
    assert made.topic == OWN + "crm"
    assert (made.status, made.status_reason) == (EndpointStatus.ACTIVE, None)
    assert made.created_at_ms == made.updated_at_ms == made.status_since_ms == NOW_MS
    assert plan.endpoints[0].needs_topic


@pytest.mark.parametrize(
    "changes_of_it",
    [
        {},
        {"id": None},
        {"secret": WHSEC},
        {"auth": {"type": "bearer", "token": "t"}, "signing": ["v1a"]},
        {"body": {"template": {"b": 1.50, "a": "$.event.id"}}, "retry": {"delays": ["5s"]}},
        {"headers": {"X-B": "1", "X-A": "2"}, "metadata": {"b": "1", "a": "2"}},
        {"active": False},
        {"active": True, "order": "strict", "rate_limit": {"requests": 5}},
    ],
)
def test_a_file_that_is_applied_again_changes_nothing(changes_of_it: dict[str, object]):
    world = World()
    file = document(endpoint(**changes_of_it), owner_email="ops@example.com")
    first = world.apply(file)
    world.now_ms += 1_000
    again = world.plan(file)
    assert (again.accounts, again.endpoints) == ((), ())
    assert {line.change for line in again.lines} == {Change.UNCHANGED}
    assert [line.endpoint for line in again.lines] == [line.endpoint for line in first.lines]
    assert all(line.made.secret is None for line in again.lines)


def test_what_differs_is_published_and_named_as_it_is_written():
    world = World()
    world.apply(document(endpoint(auth={"type": "bearer", "token": "a"})))
    before = world.endpoints["crm"]
    world.now_ms += 1_000
    file = document(
        endpoint(timeout="20s", active=False, auth={"type": "bearer", "token": "b"}, headers={}),
        name="Acme",
    )
    plan = world.apply(file)
    assert [line.fields for line in plan.lines] == [("name",), ("timeout", "active", "auth")]
    after = world.endpoints["crm"]
    assert after.created_at_ms == before.created_at_ms == NOW_MS
    assert after.updated_at_ms == after.status_since_ms == NOW_MS + 1_000
    assert world.credentials(after).auth == BearerAuth("b")
    assert world.credentials(after).secrets == world.credentials(before).secrets
    assert not plan.endpoints[0].needs_topic


def test_credentials_that_stay_are_not_sealed_anew():
    world = World()
    world.apply(document(endpoint()))
    (record,) = world.plan(document(endpoint(description="new"))).endpoints
    assert record.credentials is None
    assert record.endpoint.sealed == world.endpoints["crm"].sealed


def test_a_field_that_is_left_out_again_has_its_default_again():
    world = World()
    auth = {"type": "bearer", "token": "a"}
    world.apply(document(endpoint(timeout="20s", order="strict", auth=auth)))
    world.apply(document(endpoint()))
    after = world.endpoints["crm"]
    assert (after.timeout_ms, after.order) == (None, "none")
    assert world.credentials(after).auth is None


# --- ids ---------------------------------------------------------------------------------------


def test_an_endpoint_without_an_id_gets_one_and_is_found_again_by_its_url():
    world = World()
    (line,) = endpoint_lines(world.apply(document(endpoint(id=None))))
    assert line.endpoint is not None
    assert line.endpoint.startswith("ep_")
    assert len(line.endpoint) == 29
    changed = world.plan(
        document(endpoint(id=None, url="HTTPS://EXAMPLE.com:443/hook", timeout="9s"))
    )
    assert changes(changed)[1] == (line.endpoint, Change.CHANGED)


def test_two_urls_without_ids_are_two_endpoints():
    world = World()
    file = document(endpoint(id=None), endpoint(id=None, url=URL + "2"))
    world.apply(file)
    assert len(world.endpoints) == 2
    assert world.plan(file).endpoints == ()


def test_the_same_url_twice_is_taken_with_ids_and_refused_without():
    world = World()
    assert len(world.plan(document(endpoint(id="a"), endpoint(id="b"))).endpoints) == 2
    assert refusals(world, document(endpoint(id=None), endpoint(id=None))) == [
        "accounts.0.endpoints.1.url: the URL is given twice: give each of the endpoints an id"
    ]


def test_an_entry_without_an_id_never_means_what_another_entry_names():
    world = World()
    file = document(endpoint(id="a"), endpoint(id=None))
    world.apply(file)
    assert len(world.endpoints) == 2
    assert world.plan(file).endpoints == ()


def test_an_entry_that_could_mean_several_is_refused():
    world = World()
    world.apply(document(endpoint(id="a"), endpoint(id="b")))
    assert refusals(world, document(endpoint(id=None))) == [
        "accounts.0.endpoints.0.url: 2 endpoints have this URL: write the id of one (a, b)"
    ]


def test_an_id_given_twice_is_refused_over_all_accounts():
    file = {
        "accounts": [
            {"id": "one", "endpoints": [endpoint()]},
            {"id": "two", "endpoints": [endpoint()]},
            {"id": "one"},
        ]
    }
    assert refusals(World(), file) == [
        "accounts.1.endpoints.0.id: the id is given twice: give each endpoint an id of its own",
        "accounts.2.id: the account is given twice: write one entry for it",
    ]


def test_an_endpoint_does_not_change_its_account():
    world = World()
    world.apply(document(endpoint()))
    (refusal,) = refusals(world, {"accounts": [{"id": "other", "endpoints": [endpoint()]}]})
    assert refusal.startswith("accounts.0.endpoints.0.id: is an endpoint of the account acme")


# --- removal -----------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", [{"id": "crm"}, {"url": URL}, {"id": "crm", "secret": 1}])
def test_removal_is_a_state_that_is_told_once(entry: dict[str, object]):
    world = World()
    world.apply(document(endpoint()))
    world.now_ms += 1_000
    file = document({**entry, "removed": True})
    assert changes(world.apply(file))[1] == ("crm", Change.REMOVED)
    removed = world.endpoints["crm"]
    assert removed.status is EndpointStatus.REMOVED
    assert removed.status_since_ms == NOW_MS + 1_000
    assert removed.topic == OWN + "crm"
    assert world.plan(file).endpoints == ()


def test_what_never_was_can_be_removed():
    plan = World().plan(document({"id": "x", "removed": True}))
    assert plan.endpoints == ()
    assert changes(plan)[1] == ("x", Change.UNCHANGED)


def test_the_id_of_a_removed_endpoint_is_not_used_again():
    world = World()
    world.apply(document(endpoint()))
    world.apply(document({"id": "crm", "removed": True}))
    (refusal,) = refusals(world, document(endpoint()))
    assert refusal.startswith("accounts.0.endpoints.0.id: was removed, and no id is used twice")


def test_the_url_of_a_removed_endpoint_makes_a_new_one():
    world = World()
    world.apply(document(endpoint(id=None)))
    world.apply(document({"url": URL, "removed": True}))
    world.apply(document(endpoint(id=None)))
    assert sorted(made.status for made in world.endpoints.values()) == ["active", "removed"]


def test_an_account_takes_its_endpoints_along():
    world = World()
    world.apply(document(endpoint(id="a"), endpoint(id="b")))
    file = document(endpoint(id="a"), removed=True)
    plan = world.apply(file)
    assert changes(plan) == [
        (None, Change.REMOVED),
        ("a", Change.REMOVED),
        ("b", Change.REMOVED),
    ]
    assert world.accounts["acme"].removed
    again = world.plan(file)
    assert (again.accounts, again.endpoints) == ((), ())
    assert refusals(world, document()) == [
        "accounts.0.id: was removed, and no id is used twice: choose another one"
    ]


def test_a_removal_that_was_broken_off_is_finished():
    world = World()
    world.apply(document(endpoint()))
    world.accounts["acme"] = replace(world.accounts["acme"], removed=True)
    assert changes(world.plan(document(removed=True))) == [
        (None, Change.UNCHANGED),
        ("crm", Change.REMOVED),
    ]


# --- topics ------------------------------------------------------------------------------------


def numbered(count: int, **fields: object) -> list[dict[str, object]]:
    return [endpoint(id=f"e{n}", **fields) for n in range(count)]


def test_endpoints_share_a_topic_once_the_limit_has_topics_of_its_own():
    world = World(dedicated_limit=2)
    plan = world.apply(document(*numbered(4)))
    topics = {made.id: made.topic for made in world.endpoints.values()}
    assert topics == {"e0": OWN + "e0", "e1": OWN + "e1", "e2": SHARED, "e3": SHARED}
    assert [record.needs_topic for record in plan.endpoints] == [True, True, False, False]


def test_an_endpoint_keeps_its_topic_whatever_becomes_free():
    world = World(dedicated_limit=1)
    world.apply(document(*numbered(2)))
    world.apply(document({"id": "e0", "removed": True}, endpoint(id="e1", timeout="9s")))
    assert world.endpoints["e1"].topic == SHARED
    world.apply(document(endpoint(id="new")))
    assert world.endpoints["new"].topic == OWN + "new"


def test_strict_order_gets_a_topic_up_to_twice_the_limit():
    world = World(dedicated_limit=1)
    world.apply(document(*numbered(1), endpoint(id="s", order="strict")))
    assert world.endpoints["s"].topic == OWN + "s"
    (refusal,) = refusals(world, document(endpoint(id="t", order="strict")))
    assert refusal == (
        "accounts.0.endpoints.0.order: strict needs a topic of its own, and 2 endpoints have one:"
        " at most 2 may, twice delivery.dedicated_limit; remove some of them, raise the limit, or"
        " write order: none"
    )


def test_an_endpoint_in_the_shared_topic_cannot_become_strict():
    world = World(dedicated_limit=0)
    world.apply(document(endpoint()))
    (refusal,) = refusals(world, document(endpoint(order="strict")))
    assert refusal.startswith("accounts.0.endpoints.0.order: strict needs a topic of its own, and")
    assert "endpoints move" in refusal


def test_an_endpoint_in_its_own_topic_changes_its_order_freely():
    world = World()
    world.apply(document(endpoint()))
    world.apply(document(endpoint(order="strict")))
    assert world.endpoints["crm"].order == "strict"
    world.apply(document(endpoint()))
    assert (world.endpoints["crm"].order, world.endpoints["crm"].topic) == ("none", OWN + "crm")


# --- secrets -----------------------------------------------------------------------------------


def test_a_secret_is_made_where_none_is_given_and_the_profile_signs():
    world = World()
    made = endpoint_lines(world.apply(document(endpoint())))[0].made
    assert made.secret is not None
    assert world.credentials(world.endpoints["crm"]).secrets == (SigningSecret(made.secret),)
    assert (made.signing_key, made.public_key) == (None, None)
    given = endpoint_lines(world.plan(document(endpoint(id="b", secret=WHSEC))))[0].made
    assert given.secret is None
    unsigned = endpoint_lines(world.plan(document(endpoint(id="c", profile="timekit"))))[0].made
    assert unsigned.secret is None


def test_a_signing_key_is_made_once_an_endpoint_asks_for_the_scheme():
    world = World()
    secret = endpoint_lines(world.apply(document(endpoint())))[0].made.secret
    made = endpoint_lines(world.apply(document(endpoint(signing=["v1a"]))))[0].made
    assert made.secret is None
    assert made.signing_key is not None
    assert made.public_key == public_key(made.signing_key)
    credentials = world.credentials(world.endpoints["crm"])
    assert secret is not None
    assert credentials.secrets == (SigningSecret(secret),)
    assert credentials.signing_keys == (SigningSecret(made.signing_key),)


def test_a_replaced_secret_signs_on_for_a_day():
    world = World()
    world.apply(document(endpoint(secret=WHSEC)))
    plan = world.apply(document(endpoint(secret=OTHER_WHSEC)))
    assert endpoint_lines(plan)[0].fields == ("secret",)
    assert world.credentials(world.endpoints["crm"]).secrets == (
        SigningSecret(OTHER_WHSEC),
        SigningSecret(WHSEC, NOW_MS + OVERLAP_MS),
    )
    world.now_ms += OVERLAP_MS
    world.apply(document(endpoint(secret=WHSEC)))
    assert world.credentials(world.endpoints["crm"]).secrets == (
        SigningSecret(WHSEC),
        SigningSecret(OTHER_WHSEC, NOW_MS + 2 * OVERLAP_MS),
    )


def test_a_secret_that_signs_no_more_goes_at_the_next_change_and_is_none_itself():
    world = World()
    file = document(endpoint(secret="second"), profile="twenty")
    world.apply(document(endpoint(secret="first"), profile="twenty"))
    world.apply(file)
    world.now_ms += OVERLAP_MS
    assert world.plan(file).endpoints == ()
    world.apply(document(endpoint(secret="third"), profile="twenty"))
    assert world.credentials(world.endpoints["crm"]).secrets == (
        SigningSecret("third"),
        SigningSecret("second", world.now_ms + OVERLAP_MS),
    )


def test_secrets_that_are_replaced_again_and_again_do_not_pile_up():
    world = World()
    for n in range(20):
        world.apply(document(endpoint(secret=f"secret {n}"), profile="twenty"))
    secrets = world.credentials(world.endpoints["crm"]).secrets
    assert [secret.value for secret in secrets] == [f"secret {n}" for n in range(19, 11, -1)]


def test_a_kept_secret_must_fit_the_new_profile():
    world = World()
    world.apply(document(endpoint(secret="any text"), profile="twenty"))
    (refusal,) = refusals(world, document(endpoint(profile="standard-webhooks")))
    assert refusal == (
        "accounts.0.endpoints.0.secret: is missing:"
        " the present one is not in the form that the profile needs"
    )
    world.apply(document(endpoint(profile="standard-webhooks", secret=WHSEC)))
    assert world.credentials(world.endpoints["crm"]).secrets == (SigningSecret(WHSEC),)


def planned_with_unreadable_secrets(world: World, file: object) -> ChangePlan:
    def open_credentials(_: Endpoint) -> Credentials:
        raise UnreadableSecrets("sealed with another key")

    rules = PlanRules(
        profiles=shipped_profiles(),
        topology=Topology(),
        source=SecretSource(NOW_MS, bytes),
        open_credentials=open_credentials,
    )
    return plan_changes(world.read(file), Tables(world.accounts, world.endpoints), rules)


def test_secrets_that_cannot_be_read_any_more_are_never_replaced_unasked():
    world = World()
    world.apply(document(endpoint(secret=WHSEC)))
    with pytest.raises(DocumentErrors, match="secret: missing: the present one cannot be read"):
        planned_with_unreadable_secrets(world, document(endpoint()))
    (record,) = planned_with_unreadable_secrets(world, document(endpoint(secret=WHSEC))).endpoints
    assert record.credentials == Credentials(secrets=(SigningSecret(WHSEC),))


# --- states ------------------------------------------------------------------------------------


def deactivated(world: World) -> None:
    world.endpoints["crm"] = replace(
        world.endpoints["crm"],
        status=EndpointStatus.INACTIVE,
        status_reason="no success for 5 days",
        status_since_ms=NOW_MS - 1,
    )


def test_a_file_that_does_not_say_active_leaves_an_endpoint_inactive():
    world = World()
    world.apply(document(endpoint()))
    deactivated(world)
    assert world.plan(document(endpoint())).endpoints == ()
    assert world.plan(document(endpoint(active=False))).endpoints == ()


def test_active_true_activates():
    world = World()
    world.apply(document(endpoint()))
    deactivated(world)
    plan = world.apply(document(endpoint(active=True)))
    assert endpoint_lines(plan)[0].fields == ("active",)
    after = world.endpoints["crm"]
    assert (after.status, after.status_reason) == (EndpointStatus.ACTIVE, None)
    assert after.status_since_ms == NOW_MS


def test_an_endpoint_that_must_consent_first_waits_for_it():
    world = World()
    plan = world.apply(
        document(endpoint(), endpoint(id="vouched", active=True), profile="cloudevents")
    )
    assert [line.needs_consent for line in endpoint_lines(plan)] == [True, False]
    assert world.endpoints["crm"].status is EndpointStatus.PENDING
    assert world.endpoints["vouched"].status is EndpointStatus.ACTIVE
    world.apply(document(endpoint(id="vouched", timeout="9s"), profile="cloudevents"))
    assert world.endpoints["vouched"].status is EndpointStatus.ACTIVE
    world.apply(document(endpoint(id="vouched", url=URL + "2"), profile="cloudevents"))
    assert world.endpoints["vouched"].status is EndpointStatus.PENDING


def test_a_reactivation_drops_what_waits_where_the_endpoint_says_so():
    world = World()
    world.apply(document(endpoint(active=False, on_inactive="drop"), endpoint(id="b")))
    world.apply(document(endpoint(active=True, on_inactive="drop")))
    assert world.endpoints["crm"].drop_before_ms == NOW_MS
    assert world.endpoints["b"].drop_before_ms == 0


def test_an_endpoint_without_a_url_is_known_by_its_email_address():
    world = World()
    mail = {"email": "ops@example.com"}
    world.apply(document(mail, {"email": "more@example.com"}, {"url": URL}))
    assert len(world.endpoints) == 3
    plan = world.apply(document({**mail, "description": "x"}))
    assert endpoint_lines(plan)[0].fields == ("description",)
    (refusal,) = refusals(world, document(mail, mail))
    assert refusal.startswith("accounts.0.endpoints.1.email: the e-mail address is given twice:")


# --- accounts ----------------------------------------------------------------------------------


def test_what_an_accounts_entry_leaves_out_stays():
    world = World()
    world.apply(document(profile="twenty", name="Acme", owner_email="a@example.com"))
    assert changes(world.apply(document(endpoint()))) == [
        (None, Change.UNCHANGED),
        ("crm", Change.CREATED),
    ]
    assert world.endpoints["crm"].profile == "twenty"
    world.apply(document(webhooks_enabled=False))
    assert world.accounts["acme"].name == "Acme"
    assert not world.accounts["acme"].webhooks_enabled


def test_a_new_accounts_webhooks_are_as_its_profile_has_them():
    world = World()
    world.apply(document(profile="calenso"))
    assert not world.accounts["acme"].webhooks_enabled
    world.apply(document(webhooks_enabled=True))
    assert changes(world.plan(document(profile="calenso"))) == [(None, Change.UNCHANGED)]


def test_a_plan_limits_the_endpoints_of_an_account():
    world = World()
    plan = {"profile": "calenso", "plan": "professional"}
    world.apply(document(*numbered(3, active=False), **plan))
    (refusal,) = refusals(world, document(endpoint(id="e3")))
    assert refusal == (
        "accounts.0.endpoints: would make 4 endpoints: the plan professional allows 3,"
        " inactive ones included; remove some, or choose another plan"
    )
    world.apply(document({"id": "e0", "removed": True}, endpoint(id="e3")))
    world.apply(document(endpoint(id="e3", timeout="9s"), plan="basic"))
    assert refusals(world, document(endpoint(id="e4")))


def test_a_plan_ends_with_the_profile_that_has_plans():
    world = World()
    world.apply(document(profile="calenso", plan="basic"))
    world.apply(document(profile="twenty"))
    assert world.accounts["acme"].plan is None


def test_a_file_with_one_mistake_plans_nothing():
    world = World()
    file = document(endpoint(id="a"), endpoint(id="a"), endpoint(id="b"))
    assert len(refusals(world, file)) == 1
    assert (world.accounts, world.endpoints) == ({}, {})
