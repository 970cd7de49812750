"""Which addresses a webhook may be sent to.

The decision that keeps tenants from reaching the operator's own network through their endpoints
(server-side request forgery). Looking names up is an adapter's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from pipeline.domain.urls import Address, ParsedUrl, is_name, looks_numeric

Network = IPv4Network | IPv6Network

REFUSED_TARGET = "webhooks may not be sent to the address of this URL"
"""What a tenant is told of a refused address; the address itself is for the operator alone."""

FORBIDDEN_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
FORBIDDEN_V6 = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
NAT64_PREFIX_BITS = 96

METADATA = (
    IPv4Network("169.254.0.0/16"),
    IPv6Network("fe80::/10"),
    IPv6Network("fd00:ec2::/32"),
)
"""Where clouds keep their instances' credentials: no wider network and no name allows these."""


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What an operator allows beyond public addresses. The default allows nothing more."""

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    """Host names that may lead to any address but those of `METADATA`."""
    nat64: IPv6Network | None = None
    """A /96 whose addresses are judged by the IPv4 address in them; None refuses them all."""


def parse_rules(allowed: Iterable[str], nat64: str | None = None) -> AddressRules:
    """Rules from an operator's list of networks (`10.0.0.0/8`), addresses and host names.

    `nat64` is the prefix of a NAT64 network, usually `64:ff9b::/96`. ValueError names the item that
    cannot be read.
    """
    networks: list[Network] = []
    names: set[str] = set()
    for item in allowed:
        try:
            networks.append(ip_network(item))
        except ValueError as exc:
            name = item.lower()
            if not is_name(name) or looks_numeric(name):
                fault = f"{item!r} is neither a network such as 10.0.0.0/8 nor a host name"
                raise ValueError(f"{fault} ({exc})") from exc
            names.add(name)
    prefix = None if nat64 is None else _parse_nat64(nat64)
    return AddressRules(tuple(networks), frozenset(names), prefix)


def _parse_nat64(text: str) -> IPv6Network:
    try:
        network = IPv6Network(text)
    except ValueError as exc:
        raise ValueError(f"NAT64 prefix {text!r} is not a network such as 64:ff9b::/96") from exc
    if network.prefixlen != NAT64_PREFIX_BITS:
        raise ValueError(f"NAT64 prefix {text!r} is not a /{NAT64_PREFIX_BITS}")
    return network


def refusal(address: str | Address, *, host: str, rules: AddressRules) -> str | None:
    """Why `address`, which `host` led to, may not be dialled; None if it may.

    The text is for the operator's log; tenants are told `REFUSED_TARGET`. What is not an address in
    plain spelling is refused, zone ids included.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"{address!r} is not an address"
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return f"{parsed} has a zone id"
    forbidden = _forbidden_range(parsed, rules.nat64)
    if forbidden is None or _is_allowed(parsed, host, rules):
        return None
    return f"{parsed} is in {forbidden}"


def literal_refusal(url: ParsedUrl, rules: AddressRules) -> str | None:
    """`refusal` of a URL whose host is itself an address; None where the host is a name."""
    if url.literal is None:
        return None
    return refusal(url.literal, host=url.host, rules=rules)


def _forbidden_range(address: Address, nat64: IPv6Network | None) -> str | None:
    if isinstance(address, IPv4Address):
        return next((str(network) for network in FORBIDDEN_V4 if address in network), None)
    if nat64 is not None and address in nat64:
        embedded = _forbidden_range(IPv4Address(int(address) & 0xFFFF_FFFF), None)
        return None if embedded is None else f"{embedded} behind NAT64"
    if address not in GLOBAL_UNICAST_V6:
        return f"what lies outside {GLOBAL_UNICAST_V6}"
    return next((str(network) for network in FORBIDDEN_V6 if address in network), None)


def _is_allowed(address: Address, host: str, rules: AddressRules) -> bool:
    allowing = [network for network in rules.networks if address in network]
    metadata = next((network for network in METADATA if address in network), None)
    if metadata is None:
        return bool(allowing) or host in rules.names
    return any(network.prefixlen >= metadata.prefixlen for network in allowing)
