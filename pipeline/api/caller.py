"""Who asks, and what they may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from pipeline.api.problems import forbidden, not_found
from pipeline.domain.audit import Author
from pipeline.registry import Access

OPERATOR_KEY_ID: Final = "operator"
"""The id of the key that the settings name; keys of the store begin with `key_`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The key that a request was made with."""

    key_id: str
    account: str | None
    """None: an operator's, for everything."""
    access: Access
    via: str = "api"
    """How the request came, for the audit log."""

    @property
    def author(self) -> Author:
        """Whom the audit log names for what this caller changes."""
        return Author(self.key_id, self.via)

    @property
    def is_operator(self) -> bool:
        """Whether everything may be seen."""
        return self.account is None

    def check_operator(self) -> None:
        """Raises Problem (403) for the key of an account."""
        if not self.is_operator:
            raise forbidden("Only an operator's key may do this.")

    def check_writes(self) -> None:
        """Raises Problem (403) for a key that may only read."""
        if self.access is Access.READ:
            raise forbidden("This key may only read.")

    def check_sees(self, account: str) -> None:
        """Raises Problem (404) for what belongs to another account."""
        if self.account is not None and self.account != account:
            raise not_found("There is nothing here that this key may see.")


CALLER_IN_SCOPE: Final = "pipeline.caller"
"""Where a request's scope holds its Caller once its key was found good."""


async def caller_of(request: Request) -> Caller:
    """The caller of a request under `/v1`, none of which gets here without a good key."""
    caller = request.scope[CALLER_IN_SCOPE]
    assert isinstance(caller, Caller)  # noqa: S101 - what is set there is one
    return caller


FromCaller = Annotated[Caller, Depends(caller_of)]
"""As a handler's parameter: `caller: FromCaller`."""
