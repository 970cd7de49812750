"""Which key may do what: every operation of the OpenAPI document, with every kind of key."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from pipeline.adapters.storage.recorder_store import RecorderStore
from tests.api.delivery_facts import recording_store
from tests.api.running_api import Client, RunningApi
from tests.storage.builders import a_letter, buried


class Row(Enum):
    """What an operation wants of its caller."""

    NO_KEY = "no key at all"
    OPERATOR_READS = "an operator's, any"
    OPERATOR_WRITES = "an operator's that may write"
    ANY_READS = "any, and is told of its own things alone"
    OWN_READS = "also the account's own, any"
    OWN_WRITES = "also the account's own that may write"


TABLE: Final[Mapping[str, Row]] = {
    "readHealth": Row.NO_KEY,
    "readReadiness": Row.NO_KEY,
    "readMetrics": Row.NO_KEY,
    "grantConsent": Row.NO_KEY,
    "grantConsentByLink": Row.NO_KEY,
    "listAccounts": Row.OPERATOR_READS,
    "createAccount": Row.OPERATOR_WRITES,
    "readAccount": Row.OWN_READS,
    "updateAccount": Row.OWN_WRITES,
    "deleteAccount": Row.OPERATOR_WRITES,
    "listProfiles": Row.OPERATOR_READS,
    "readProfile": Row.OPERATOR_READS,
    "createProfile": Row.OPERATOR_WRITES,
    "replaceProfile": Row.OPERATOR_WRITES,
    "deleteProfile": Row.OPERATOR_WRITES,
    "listEventTypes": Row.OPERATOR_READS,
    "readEventType": Row.OPERATOR_READS,
    "createEventType": Row.OPERATOR_WRITES,
    "replaceEventType": Row.OPERATOR_WRITES,
    "updateEventType": Row.OPERATOR_WRITES,
    "deleteEventType": Row.OPERATOR_WRITES,
    "listKeys": Row.OPERATOR_READS,
    "readKey": Row.OPERATOR_READS,
    "createKey": Row.OPERATOR_WRITES,
    "deleteKey": Row.OPERATOR_WRITES,
    "listEndpoints": Row.OWN_READS,
    "createEndpoint": Row.OWN_WRITES,
    "readEndpoint": Row.OWN_READS,
    "updateEndpoint": Row.OWN_WRITES,
    "deleteEndpoint": Row.OWN_WRITES,
    "activateEndpoint": Row.OWN_WRITES,
    "deactivateEndpoint": Row.OWN_WRITES,
    "rotateEndpointSecret": Row.OWN_WRITES,
    "testEndpoint": Row.OWN_WRITES,
    "previewEndpoint": Row.OWN_READS,
    "previewBody": Row.OWN_READS,
    "getRelations": Row.OWN_READS,
    "putRelation": Row.OWN_WRITES,
    "deleteRelation": Row.OWN_WRITES,
    "addRelationData": Row.OWN_WRITES,
    "updateRelationData": Row.OWN_WRITES,
    "removeRelationData": Row.OWN_WRITES,
    "publishEvent": Row.OPERATOR_WRITES,
    "publishEvents": Row.OPERATOR_WRITES,
    "tryEvent": Row.OWN_READS,
    "listReplays": Row.ANY_READS,
    "listRedrives": Row.ANY_READS,
    "createReplay": Row.OWN_WRITES,
    "readReplay": Row.OWN_READS,
    "cancelReplay": Row.OWN_WRITES,
    "createRedrive": Row.OWN_WRITES,
    "readRedrive": Row.OWN_READS,
    "cancelRedrive": Row.OWN_WRITES,
    "readEvent": Row.OWN_READS,
    "listDeliveries": Row.ANY_READS,
    "readDelivery": Row.OWN_READS,
    "readDeliveryBody": Row.OWN_READS,
    "downloadDeliveryBody": Row.OWN_READS,
    "triggerDelivery": Row.OWN_WRITES,
    "retryDeliveryNow": Row.OWN_WRITES,
    "dropWaiting": Row.OWN_WRITES,
    "dropDelivery": Row.OWN_WRITES,
    "readWaiting": Row.OWN_READS,
    "listDeadLetters": Row.ANY_READS,
    "countDeadLetters": Row.ANY_READS,
    "readDeadLetter": Row.OWN_READS,
    "readEndpointStatistics": Row.OWN_READS,
    "readAccountStatistics": Row.OWN_READS,
    "readStatistics": Row.OPERATOR_READS,
    "listFailingEndpoints": Row.ANY_READS,
    "listEndpointStatistics": Row.ANY_READS,
    "listOpenCircuits": Row.ANY_READS,
    "readEndToEnd": Row.ANY_READS,
    "listAllEndpoints": Row.ANY_READS,
    "listAudit": Row.ANY_READS,
    "createConsoleLink": Row.OPERATOR_WRITES,
}

SINCE: Final = "2026-03-01T00:00:00Z"
CALLERS: Final = ("none", "wrong", "other", "own", "own_read", "operator", "operator_read")
ADMITTED: Final[Mapping[Row, frozenset[str]]] = {
    Row.NO_KEY: frozenset(CALLERS),
    Row.OPERATOR_READS: frozenset(("operator", "operator_read")),
    Row.OPERATOR_WRITES: frozenset(("operator",)),
    Row.ANY_READS: frozenset(("operator", "operator_read", "own", "own_read", "other")),
    Row.OWN_READS: frozenset(("operator", "operator_read", "own", "own_read")),
    Row.OWN_WRITES: frozenset(("operator", "own")),
}
BODIES: Final[Mapping[str, Any]] = {
    "createAccount": {"id": "authorisation-made"},
    "updateAccount": {"webhooks_enabled": True},
    "createProfile": {"name": "p-made", "formats": {"bare": {"template": "$.event.data"}}},
    "replaceProfile": {"formats": {"bare": {"template": "$.event.data"}}},
    "createEventType": {"type": "made.here", "description": "", "sample": 1},
    "replaceEventType": {"description": "", "sample": 1},
    "updateEventType": {"description": "x"},
    "createKey": {"name": "made"},
    "createEndpoint": {"url": "https://hooks.example.com/"},
    "updateEndpoint": {"description": "x"},
    "activateEndpoint": {},
    "deactivateEndpoint": {},
    "rotateEndpointSecret": {},
    "testEndpoint": {},
    "previewEndpoint": {},
    "previewBody": {},
    "putRelation": {"star": "gold"},
    "addRelationData": {"key": "made", "value": 1},
    "updateRelationData": {"value": 2},
    "createConsoleLink": {"access": "read"},
}


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str


@dataclass(frozen=True)
class Things:
    """One account's, and an operator's, to be asked for."""

    account: str
    endpoint: str
    key: str
    name: str
    type: str
    delivery: str
    event: str
    letter: str
    company: str = "c-1"
    replay: str = ""
    redrive: str = ""
    token: str = "no-token-of-ours"

    @property
    def names(self) -> dict[str, str]:
        """By the names that paths have for them; a relation's datum is a key, too."""
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__}


def made_things(api: RunningApi, store: RecorderStore) -> Things:
    operator = api.operator
    account = api.new_account(profile="twelve-build")
    place = f"/v1/accounts/{account}"
    made = operator.post(f"{place}/endpoints", json={"url": "https://hooks.example.com/"})
    assert made.status_code == 201, made.text
    relation = f"{place}/relations/c-1"
    assert operator.put(relation, json={"star": "gold"}).status_code in {200, 201}
    added = operator.post(f"{relation}/data", json={"key": "datum", "value": 1})
    assert added.status_code in {200, 201}, added.text
    name = f"p-{secrets.token_hex(4)}"
    profile = {"name": name, "formats": {"bare": {"template": "$.event.data"}}}
    assert operator.post("/v1/profiles", json=profile).status_code == 201
    event_type = f"t.{secrets.token_hex(4)}"
    described = {"type": event_type, "description": "", "sample": 1}
    assert operator.post("/v1/event-types", json=described).status_code == 201
    endpoint = made.json()["id"]
    delivery = operator.post(f"/v1/endpoints/{endpoint}/test").json()["id"]
    event = operator.get(f"/v1/deliveries/{delivery}").json()["event_id"]
    return Things(
        account=account,
        endpoint=endpoint,
        key=api.made_key()["id"],
        name=name,
        type=event_type,
        delivery=delivery,
        event=event,
        letter=recorded_letter(store, account),
    )


def recorded_letter(store: RecorderStore, account: str) -> str:
    """Of a dead letter of the account."""
    letter = a_letter(id=f"dlv_{secrets.token_hex(6)}", account=account, delivery=None)
    store.write([], [buried(letter)], {})
    return letter.id


def store_url(api: RunningApi) -> str:
    """Of the store that the API has, too."""
    file = f"sqlite:///{api.pipeline.data_dir / 'store.sqlite'}"
    return api.pipeline.settings.get("PIPELINE_STORE__URL", file)


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield Operation(operation["operationId"], method.upper(), path)


def asked(client: Client, operation: Operation, things: Things) -> int:
    names = things.names
    if "/data/{key}" in operation.path:
        names["key"] = "datum"
    body: dict[str, Any] = {}
    if operation.id in BODIES:
        body["json"] = BODIES[operation.id]
    if operation.id == "createReplay":
        body["json"] = {"endpoint": things.endpoint, "since": SINCE}
    if operation.id == "createRedrive":
        body["json"] = {"endpoint": things.endpoint}
    if operation.id in {"publishEvent", "publishEvents", "tryEvent"}:
        event: dict[str, Any] = {"account": things.account, "type": "Note.created", "data": {}}
        body["json"] = {"events": [event]} if operation.id == "publishEvents" else event
    return client.request(operation.method, operation.path.format(**names), **body).status_code


def is_refused(status: int, operation: Operation, caller: str) -> bool:
    """As whoever may not do it has to be."""
    if caller in {"none", "wrong"}:
        return status == 401
    if caller == "other" and TABLE[operation.id] in {Row.OWN_READS, Row.OWN_WRITES}:
        return status == 404  # nobody learns what others have
    if caller == "other" and "{account}" in operation.path:
        return status in {403, 404}
    return status == 403


def with_job(api: RunningApi, things: Things, operation: Operation) -> Things:
    """And a replay or redrive of the endpoint, where the operation is about one."""
    order: dict[str, Any] = {"endpoint": things.endpoint}
    if "{replay}" in operation.path:
        made = api.operator.post("/v1/replays", json={**order, "since": SINCE})
    elif "{redrive}" in operation.path:
        made = api.operator.post("/v1/dead-letters/redrive", json=order)
    else:
        return things
    assert made.status_code == 202, made.text
    job = made.json()["id"]
    return replace(things, replay=job, redrive=job)


class Callers:
    """A client for each kind of key."""

    def __init__(self, api: RunningApi) -> None:
        self._api = api
        self._other = api.new_key(account=api.new_account(profile="twelve-build"))
        self._operator = api.new_key()
        self._operator_read = api.new_key(access="read")
        self._own = dict[tuple[str, str], str]()

    def client(self, caller: str, things: Things) -> Client:
        api = self._api
        if caller == "none":
            return api.client(None)
        if caller == "wrong":
            # From an address of its own each time: too many would be slowed down.
            address = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
            return Client(api.http, {"Authorization": "Bearer no", "X-Forwarded-For": address})
        if caller in {"own", "own_read"}:
            return api.client(self._own_key(things.account, "full" if caller == "own" else "read"))
        return api.client(
            {
                "other": self._other,
                "operator": self._operator,
                "operator_read": self._operator_read,
            }[caller]
        )

    def _own_key(self, account: str, access: str) -> str:
        whose = account, access
        if whose not in self._own:
            self._own[whose] = self._api.new_key(account=account, access=access)
        return self._own[whose]


class Asking:
    """Asks for things of every kind: for new ones, where it may be their end."""

    def __init__(self, api: RunningApi, store: RecorderStore) -> None:
        self._api = api
        self._store = store
        self._callers = Callers(api)
        self._kept = made_things(api, store)

    def found_wrong(self, operation: Operation) -> Iterator[str]:
        """Those who may not come first, so that what they ask for is still there."""
        admitted = ADMITTED[TABLE[operation.id]]
        things = self._things(operation)
        for caller in sorted(CALLERS, key=lambda caller: caller in admitted):
            if caller in admitted and operation.method == "DELETE":
                things = self._things(operation)
            status = asked(self._callers.client(caller, things), operation, things)
            if caller not in admitted:
                is_right = is_refused(status, operation, caller)
            elif TABLE[operation.id] is Row.NO_KEY:
                is_right = status not in {401, 403}
            else:
                is_right = status not in {401, 403, 404, 405} and status < 500
            if not is_right:
                yield f"{operation.id} with the key {caller}: {status}"

    def _things(self, operation: Operation) -> Things:
        is_read = operation.method == "GET"
        things = self._kept if is_read else made_things(self._api, self._store)
        return with_job(self._api, things, operation)


def test_every_operation_has_a_row_and_no_row_is_left_over(api: RunningApi):
    document = api.client(None).get("/openapi.json").json()
    assert {operation.id for operation in operations(document)} == set(TABLE)


def test_each_key_may_do_what_its_row_says_and_nothing_else(api: RunningApi):
    document = api.client(None).get("/openapi.json").json()
    with recording_store(store_url(api)) as store:
        asking = Asking(api, RecorderStore(store))
        wrong = [
            text for operation in operations(document) for text in asking.found_wrong(operation)
        ]
    assert wrong == []
