"""What the URL of an endpoint must look like, and its parts.

Stricter than URL parsers are: whatever two of them might read differently is refused, above all
spellings of addresses that only some programs take for addresses (`0x7f.1`, `2130706433`, `127.1`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote

Address = IPv4Address | IPv6Address

MAX_URL_CHARACTERS = 2_048
MAX_NAME_CHARACTERS = 253
MAX_PORT = 65_535
DEFAULT_PORTS = {"http": 80, "https": 443}

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_FIRST_COMPATIBLE = 1 << 16
_PAST_COMPATIBLE = 1 << 32
"""IPv6 addresses in between are spelled with dots by some programs (`::1.2.3.4`)."""
_KEPT_IN_PATH = "!$%&'()*+,/:;=?@[]~"


class UrlRefused(ValueError):
    """A URL that no endpoint can have; the message names the fault and how to mend it."""


@dataclass(frozen=True, slots=True)
class ParsedUrl:
    """A URL that was found fit, in the parts that sending needs. Made by `parse_url` alone."""

    text: str
    """The whole URL in canonical spelling, ASCII."""
    scheme: str
    """`http` or `https`."""
    host: str
    """Lower case; an IPv6 address without its brackets."""
    port: int
    path: str
    """Path and query, never empty."""
    host_and_port: str
    """`host:port`, the port always named, IPv6 in brackets: what a connection is made to."""
    literal: Address | None
    """The address, where the host is one rather than a name."""


def parse_url(text: str) -> ParsedUrl:
    """The parts of `text`, an absolute http or https URL; raises UrlRefused."""
    _refuse_odd_characters(text)
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in DEFAULT_PORTS:
        raise UrlRefused("the URL must begin with https:// or http://")
    authority, path = _split_path(rest)
    host, literal, port_text = _parse_authority(authority)
    port = DEFAULT_PORTS[scheme] if port_text is None else _parse_port(port_text)
    bracketed = f"[{host}]" if isinstance(literal, IPv6Address) else host
    shown = bracketed if port == DEFAULT_PORTS[scheme] else f"{bracketed}:{port}"
    return ParsedUrl(
        text=f"{scheme}://{shown}{path}",
        scheme=scheme,
        host=host,
        port=port,
        path=path,
        host_and_port=f"{bracketed}:{port}",
        literal=literal,
    )


def is_name(host: str) -> bool:
    """Whether `host`, in lower case, has the form of a host name; `10.0.0.1` has it too."""
    labels = host.split(".")
    return len(host) <= MAX_NAME_CHARACTERS and all(_LABEL.fullmatch(label) for label in labels)


def looks_numeric(host: str) -> bool:
    """Whether a resolver may take `host` for an address: its last label is a number."""
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _refuse_odd_characters(text: str) -> None:
    if len(text) > MAX_URL_CHARACTERS:
        raise UrlRefused(f"the URL is longer than {MAX_URL_CHARACTERS} characters")
    for character in text:
        if character.isspace():
            raise UrlRefused(f"the URL has white space ({character!r}): remove it, or write %20")
        if not character.isprintable():
            raise UrlRefused(f"the URL has an invisible character ({character!r}): remove it")
    if "\\" in text:
        raise UrlRefused("the URL has a backslash: write / instead")
    if "#" in text:
        raise UrlRefused("the URL has a fragment (#...), which is never sent: remove it")


def _split_path(rest: str) -> tuple[str, str]:
    end = next((at for at, character in enumerate(rest) if character in "/?"), len(rest))
    path = rest[end:]
    if not path.startswith("/"):
        path = f"/{path}"
    return rest[:end], quote(path, safe=_KEPT_IN_PATH)


def _parse_authority(authority: str) -> tuple[str, Address | None, str | None]:
    if "@" in authority:
        raise UrlRefused("the URL has a user name or password: give the endpoint an auth instead")
    if not authority.isascii():
        raise UrlRefused("the host is not ASCII: write an international name in its xn-- form")
    if authority.startswith("["):
        return _parse_bracketed(authority)
    if authority.count(":") > 1:
        raise UrlRefused("an IPv6 address must stand in brackets: https://[2600::1]/")
    host, colon, port = authority.lower().partition(":")
    return host, _parse_host(host), port if colon else None


def _parse_bracketed(authority: str) -> tuple[str, IPv6Address, str | None]:
    inside, bracket, after = authority[1:].partition("]")
    if not bracket or (after and not after.startswith(":")):
        raise UrlRefused("the host is not an IPv6 address in brackets, such as [2600::1]")
    if "%" in inside:
        raise UrlRefused("the IPv6 address has a zone id (%...): give an address without one")
    try:
        address = IPv6Address(inside)
    except AddressValueError as exc:
        raise UrlRefused(f"what stands in brackets is not an IPv6 address: {exc}") from exc
    if address.ipv4_mapped is not None or _FIRST_COMPATIBLE <= int(address) < _PAST_COMPATIBLE:
        raise UrlRefused("the IPv6 address stands for an IPv4 address: give that one instead")
    return str(address), address, after[1:] if after else None


def _parse_host(host: str) -> IPv4Address | None:
    if not host:
        raise UrlRefused("the URL has no host")
    if host.endswith("."):
        raise UrlRefused("the host ends with a dot: leave the dot out")
    if not is_name(host):
        raise UrlRefused("the host is not a name made of letters, digits, - and _ between dots")
    if not looks_numeric(host):
        return None
    try:
        return IPv4Address(host)
    except AddressValueError as exc:
        fault = "the host looks like a number, but is not an address of four decimal parts"
        raise UrlRefused(f"{fault}, such as 8.8.8.8") from exc


def _parse_port(text: str) -> int:
    if not text:
        raise UrlRefused("the port is missing after the colon")
    if not _PORT.fullmatch(text) or int(text) > MAX_PORT:
        raise UrlRefused(f"the port {text[:20]!r} is not a number from 1 to {MAX_PORT}")
    return int(text)
