"""Whether those who have a profile can keep it as it is to be from now on."""

from __future__ import annotations

from pipeline.domain.document import DocumentError, shown
from pipeline.domain.endpoint import Account, Credentials, Endpoint
from pipeline.domain.endpoint_fit import check_fit, secret_error
from pipeline.domain.endpoint_secrets import (
    NOTHING_MADE,
    GivenCredentials,
    SecretSource,
    decide_credentials,
    secret_forms,
)
from pipeline.domain.profile import Profile
from pipeline.domain.signing_secrets import InvalidSecret


def check_account(account: Account, profile: Profile) -> None:
    """Raises DocumentError: the account's plan would be none of the profile's."""
    if account.plan is not None and account.plan not in profile.plans:
        raise DocumentError(
            "/plans", f"the account {account.id} has the plan {shown(account.plan)}: keep it"
        )


def check_endpoint(
    endpoint: Endpoint, credentials: Credentials, profile: Profile, *, source: SecretSource
) -> None:
    """Raises DocumentError: the profile could not serve it, or could not sign with what it has."""
    given = GivenCredentials(auth=credentials.auth)
    try:
        check_fit(endpoint, profile, given, pointer="")
        forms = secret_forms(profile.signature, endpoint.signing)
        _, made = decide_credentials(given, credentials, forms=forms, source=source)
    except DocumentError as exc:
        raise _misfit(endpoint, f"{exc.pointer}: {exc.text}") from exc
    except InvalidSecret as exc:
        raise _misfit(endpoint, str(secret_error(exc, "").text)) from exc
    if made != NOTHING_MADE:
        raise _misfit(endpoint, "it has no secret that this signature could be made with")


def _misfit(endpoint: Endpoint, text: str) -> DocumentError:
    return DocumentError("", f"does not fit the endpoint {endpoint.id}, which has it ({text})")
