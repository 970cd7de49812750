"""What an account is to be, out of what somebody wrote and what it is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipeline.domain.account_document import DEFAULT_PROFILE, AccountEntry
from pipeline.domain.document import DocumentError, below
from pipeline.domain.endpoint import Account
from pipeline.domain.profile import Profile


def wanted_account(
    entry: AccountEntry, present: Account | None, *, profiles: Mapping[str, Profile]
) -> Account:
    """The account from now on: what the entry leaves out stays, or has its profile's default.

    Raises:
        DocumentError: the account has a plan that its profile does not know.
    """
    account = present or Account(entry.id, entry.profile or DEFAULT_PROFILE)
    if present is None:
        profile = profiles[account.profile]
        account = replace(account, webhooks_enabled=profile.webhooks_enabled)
    given = {
        "profile": entry.profile,
        "name": entry.name,
        "plan": entry.plan,
        "webhooks_enabled": entry.webhooks_enabled,
        "owner_email": entry.owner_email,
        "removed": entry.removed,
    }
    account = replace(
        account, **{name: value for name, value in given.items() if value is not None}
    )
    plans = profiles[account.profile].plans
    if not plans:
        return replace(account, plan=None)
    if account.plan is not None and account.plan not in plans:
        raise DocumentError(
            below(entry.pointer, "plan"),
            f"the account's plan {account.plan} is none of {account.profile}: write another one",
        )
    return account
