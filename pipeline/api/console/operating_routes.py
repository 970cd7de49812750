"""Pages of what is run: dead letters, replays, event types, accounts and the system."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.api.console.pages import (
    account_access,
    accounts,
    dead_letters,
    event_types,
    relations,
    replays,
)
from pipeline.api.console.pages.jobs import REDRIVES, REPLAYS
from pipeline.api.console.pages.system import SystemPorts, system_page
from pipeline.api.console.pages_served import PageRoute
from pipeline.api.console.visit import Page


def operating_routes(system: SystemPorts) -> Sequence[PageRoute]:
    """In the order in which they are tried."""
    return [
        *_sending_again(),
        *_event_types(),
        *_accounts(),
        PageRoute("GET", "/system", system_page(system), operators_only=True, live_seconds=4.0),
    ]


def _sending_again() -> list[PageRoute]:
    redrive, replay = f"{REDRIVES.at}/{{redrive}}", f"{REPLAYS.at}/{{replay}}"
    return [
        PageRoute("GET", "/dead-letters", dead_letters.dead_letters, live_seconds=3.0),
        PageRoute("GET", "/dead-letters/redrive", dead_letters.ask_redrive),
        PageRoute("POST", "/dead-letters/redrive", dead_letters.redrive),
        PageRoute("GET", redrive, REDRIVES.one, live_seconds=1.0),
        PageRoute("POST", f"{redrive}/cancel", REDRIVES.cancel),
        PageRoute("GET", "/dead-letters/one/{letter:path}", dead_letters.dead_letter),
        PageRoute("GET", "/replays", replays.replays),
        PageRoute("POST", "/replays", replays.create),
        PageRoute("GET", replay, REPLAYS.one, live_seconds=1.0),
        PageRoute("POST", f"{replay}/cancel", REPLAYS.cancel),
    ]


def _event_types() -> list[PageRoute]:
    one = "/event-types/{type}"
    return [
        _operators("GET", "/event-types", event_types.event_types),
        _operators("GET", "/event-types/new", event_types.new),
        _operators("POST", "/event-types/new", event_types.create),
        _operators("GET", f"{one}/edit", event_types.edit),
        _operators("POST", f"{one}/edit", event_types.update),
        _operators("POST", f"{one}/remove", event_types.remove),
    ]


def _accounts() -> list[PageRoute]:
    one = "/accounts/{account}"
    kept = f"{one}/relations"
    return [
        _operators("GET", "/accounts", accounts.accounts),
        _operators("GET", "/accounts/new", accounts.new),
        _operators("POST", "/accounts/new", accounts.create),
        PageRoute("GET", one, accounts.account),
        PageRoute("POST", one, accounts.update),
        _operators("POST", f"{one}/remove", accounts.remove),
        _operators("POST", f"{one}/keys", account_access.make_key),
        _operators("POST", f"{one}/keys/{{key}}/revoke", account_access.revoke_key),
        _operators("POST", f"{one}/console-link", account_access.make_link),
        PageRoute("GET", kept, relations.relations),
        PageRoute("POST", kept, relations.mark),
        PageRoute("POST", f"{kept}/remove", relations.remove),
        PageRoute("POST", f"{kept}/keep", relations.keep),
        PageRoute("POST", f"{kept}/discard", relations.discard),
    ]


def _operators(method: str, path: str, page: Page) -> PageRoute:
    return PageRoute(method, path, page, operators_only=True)
