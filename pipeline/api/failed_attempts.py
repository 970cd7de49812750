"""Who has tried too many wrong keys of late."""

from __future__ import annotations

import math
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

BURST: Final = 20
"""Wrong keys that an address may try at once."""
SECONDS_EACH: Final = 6.0
"""After so long it may try one more."""
MOST_REMEMBERED: Final = 10_000
"""Addresses; those that have tried nothing for longest are forgotten first."""
_IPV6_PREFIX: Final = 64
"""One customer has at least so many addresses of IPv6."""


class FailedAttempts:
    """A bucket for each address: a wrong key takes one out, time puts one back.

    Bounded in memory. Event loop only; `now_seconds` is of one clock that never goes back.
    """

    def __init__(self, *, burst: int = BURST, seconds_each: float = SECONDS_EACH) -> None:
        self._burst = burst
        self._seconds_each = seconds_each
        self._empty_until: OrderedDict[str, float] = OrderedDict()
        """When the address has all its tries back."""

    def wait_seconds(self, address: str, *, now_seconds: float) -> int:
        """How long the address has to wait before another key of it is looked at; 0: not at all."""
        full_at = self._empty_until.get(network_of(address), now_seconds)
        missing = (full_at - now_seconds) / self._seconds_each
        over = missing - (self._burst - 1)
        return math.ceil(over * self._seconds_each) if over > 0 else 0

    def note(self, address: str, *, now_seconds: float) -> None:
        """A wrong key came from there."""
        network = network_of(address)
        begins = max(self._empty_until.get(network, now_seconds), now_seconds)
        self._empty_until[network] = begins + self._seconds_each
        self._empty_until.move_to_end(network)
        if len(self._empty_until) > MOST_REMEMBERED:
            self._empty_until.popitem(last=False)


def network_of(address: str) -> str:
    """What counts as one client: an address of IPv4, a network of 64 bits of IPv6."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address  # a socket of this machine has none
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _IPV6_PREFIX), strict=False))
