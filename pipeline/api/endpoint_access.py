"""Which endpoints a key may see and write."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.api.caller import Caller
from pipeline.api.problems import Problem, conflict, forbidden, not_found
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from pipeline.domain.profile import Profile
from pipeline.registry import RegistryReader, RegistryWriter


def seen_account(reader: RegistryReader, caller: Caller, account_id: str) -> Account:
    """Raises Problem (404): there is no such account, or it is another one's."""
    caller.check_sees(account_id)
    account = reader.account(account_id)
    if account is None or account.removed:
        raise _no_account()
    return account


def locked_account(writer: RegistryWriter, caller: Caller, account_id: str) -> Account:
    """The same, and nobody else changes it until the end."""
    caller.check_sees(account_id)
    account = writer.lock_account(account_id)
    if account is None or account.removed:
        raise _no_account()
    return account


def seen_endpoint(reader: RegistryReader, caller: Caller, endpoint_id: str) -> Endpoint:
    """Raises Problem (404): there is no such endpoint any more, or it is another account's."""
    endpoint = reader.endpoint(endpoint_id)
    if (
        endpoint is None
        or endpoint.status is EndpointStatus.REMOVED
        or caller.account not in {None, endpoint.account}
    ):
        raise no_endpoint(endpoint_id)
    return endpoint


def locked_endpoint(
    writer: RegistryWriter, caller: Caller, endpoint_id: str
) -> tuple[Account, Endpoint]:
    """The same with its account, and nobody else changes either until the end."""
    found = seen_endpoint(writer, caller, endpoint_id)
    account = locked_account(writer, caller, found.account)
    return account, seen_endpoint(writer, caller, endpoint_id)


def check_self_service(caller: Caller, profiles: Mapping[str, Profile], *names: str) -> None:
    """Raises Problem (403): an account's key, and one of these profiles is set up by operators."""
    if caller.is_operator:
        return
    for name in names:
        profile = profiles.get(name)
        if profile is None or not profile.self_service:
            raise forbidden(f"Endpoints of the profile {name} are set up by an operator alone.")


def known_profile(profiles: Mapping[str, Profile], name: str) -> Profile:
    """Raises Problem (409): what has this profile cannot be changed while it is not there."""
    if name not in profiles:
        raise conflict(f"The profile {name} is not there any more: define it again first.")
    return profiles[name]


def no_endpoint(endpoint_id: str) -> Problem:
    """404. One text for all of them: nobody learns which ids others have."""
    return not_found(f"There is no endpoint {endpoint_id}.")


def _no_account() -> Problem:
    return not_found("There is no such account.")
