"""Whether a URL may be registered at all, as tenants are told it."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.domain.addresses import REFUSED_TARGET, AddressRules, literal_refusal
from pipeline.domain.urls import UrlRefused, parse_url


def tenants_url_check(rules: AddressRules) -> Callable[[str], None]:
    """Raises UrlRefused; of a target that is refused it says one fixed text.

    A name is judged by the addresses it leads to whenever it is dialled.
    """

    def check_url(url: str) -> None:
        if literal_refusal(parse_url(url), rules) is not None:
            raise UrlRefused(REFUSED_TARGET)

    return check_url
