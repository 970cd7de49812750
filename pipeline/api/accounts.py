"""`/v1/accounts`: made and removed by operators; an account's key may switch its webhooks."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Response

from pipeline.api.account_changes import AccountChanges, AccountPorts
from pipeline.api.account_models import (
    AccountBody,
    AccountList,
    AccountPatch,
    NewAccount,
    body_of,
)
from pipeline.api.caller import Caller, FromCaller
from pipeline.api.endpoint_access import seen_account
from pipeline.api.listing import FromList, Listed, Piece, listed
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import forbidden
from pipeline.api.store_work import in_thread
from pipeline.domain.endpoint import Account

OWN_FIELDS: Final = frozenset(("webhooks_enabled", "owner_email"))
"""What an account's own key may change."""

Location: Final[dict[str, Any]] = {"headers": {"Location": {"schema": {"type": "string"}}}}


def router(ports: AccountPorts) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/accounts", tags=["Accounts"])
    _add_reads(routes, ports)
    _add_writes(routes, AccountChanges(ports))
    return routes


def _add_reads(routes: APIRouter, ports: AccountPorts) -> None:
    def found(account_id: str, caller: Caller) -> Account:
        with ports.registry.reading() as reader:
            return seen_account(reader, caller, account_id)

    def page(piece: Piece) -> Listed[Account]:
        with ports.registry.reading() as reader:
            accounts = reader.accounts(after=piece.after, limit=piece.wanted)
        return listed(accounts, piece, key=lambda account: account.id)

    @routes.get(
        "",
        operation_id="listAccounts",
        summary="All accounts, in the order of their ids.",
        responses=problem_responses(403),
    )
    async def list_accounts(caller: FromCaller, piece: FromList) -> AccountList:
        caller.check_operator()
        part = await in_thread(page, piece)
        return AccountList(items=[body_of(account) for account in part.items], next=part.next)

    @routes.get(
        "/{account}",
        operation_id="readAccount",
        summary="One account.",
        responses=problem_responses(404),
    )
    async def read_account(caller: FromCaller, account: str) -> AccountBody:
        return body_of(await in_thread(found, account, caller))


def _add_writes(routes: APIRouter, changes: AccountChanges) -> None:
    @routes.post(
        "",
        operation_id="createAccount",
        summary="Make an account.",
        status_code=HTTPStatus.CREATED,
        responses={HTTPStatus.CREATED: Location, **problem_responses(403, 409)},
    )
    async def create_account(
        caller: FromCaller, given: NewAccount, response: Response
    ) -> AccountBody:
        caller.check_operator()
        caller.check_writes()
        account = await changes.create(caller, _members(given))
        response.headers["Location"] = f"/v1/accounts/{account.id}"
        return body_of(account)

    @routes.patch(
        "/{account}",
        operation_id="updateAccount",
        summary="Change an account.",
        responses=problem_responses(403, 404, 409),
    )
    async def update_account(caller: FromCaller, account: str, patch: AccountPatch) -> AccountBody:
        caller.check_sees(account)
        caller.check_writes()
        members = _members(patch)
        if not caller.is_operator and (others := sorted(set(members) - OWN_FIELDS)):
            raise forbidden(f"Only an operator's key may change {', '.join(others)}.")
        return body_of(await changes.update(caller, account, members))

    @routes.delete(
        "/{account}",
        operation_id="deleteAccount",
        summary="Remove an account, its endpoints, its relations and its keys.",
        status_code=HTTPStatus.NO_CONTENT,
        responses=problem_responses(403, 404),
    )
    async def delete_account(caller: FromCaller, account: str) -> None:
        caller.check_sees(account)
        caller.check_operator()
        caller.check_writes()
        await changes.remove(caller, account)


def _members(given: NewAccount | AccountPatch) -> dict[str, Any]:
    return given.model_dump(exclude_unset=True)
