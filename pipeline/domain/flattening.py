"""A nested JSON object brought to one level: `{"data.customer.id":5,"data.items.0.id":7}`.

Arrays count by index, empty objects and arrays stay as values, values and keys keep their literals.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from pipeline.domain.body_problem import OversizeBody, UndecodableBody

_TOKEN: Final = re.compile(
    rb"""
    (?: " (?P<key> (?:[^"\\]++|\\.)*+ ) " : )?
    (?: (?P<scalar> " (?:[^"\\]++|\\.)*+ " | \{\} | \[\] | [^\[\]{},:"]++ )
      | (?P<open> [\[{] ) )
  | (?P<close> [\]}] )
    """,
    re.VERBOSE,
)
_MAX_QUOTED_CHARS: Final = 80
_IN_OBJECT: Final = -1
"""In the place of the next item's index."""
_PUNCTUATION_BYTES: Final = 4


def flattened(compact: bytes, *, limit_bytes: int) -> bytes:
    """The object on one level; what is no object, or an empty one, stays as it is.

    `compact` is valid JSON without white space.

    Raises:
        UndecodableBody: two values would have the same key.
        OversizeBody: it would be longer than the limit; keys repeat on every level.
    """
    if not compact.startswith(b"{") or compact == b"{}":
        return compact
    leaves = _leaves(compact, limit_bytes)
    _refuse_collisions([name for name, _ in leaves])
    return b"{%b}" % b",".join([b'"%b":%b' % leaf for leaf in leaves])


def _leaves(compact: bytes, limit_bytes: int) -> list[tuple[bytes, bytes]]:
    """Every value that has no members, with its flat key, both as they are written."""
    leaves: list[tuple[bytes, bytes]] = []
    outer: list[tuple[bytes, int]] = []
    prefix, index = b"", _IN_OBJECT
    length = 0
    for token in _TOKEN.finditer(compact, 1, len(compact) - 1):
        key, scalar, opening, closing = token.groups()
        if closing:
            prefix, index = outer.pop()
            continue
        if index == _IN_OBJECT:
            name = prefix + key
        else:
            name = b"%b%d" % (prefix, index)
            index += 1
        if opening:
            outer.append((prefix, index))
            prefix, index = name + b".", _IN_OBJECT if opening == b"{" else 0
            continue
        length += len(name) + len(scalar) + _PUNCTUATION_BYTES
        if length > limit_bytes:
            raise OversizeBody(f"the flat body would be longer than {limit_bytes} bytes")
        leaves.append((name, scalar))
    return leaves


def _refuse_collisions(names: list[bytes]) -> None:
    """A key may be written in several ways, so keys are compared as they read."""
    seen: set[bytes] = set()
    for name in names:
        read = msgspec.json.decode(b'"%b"' % name, type=str).encode() if b"\\" in name else name
        if read in seen:
            shown = read.decode()[:_MAX_QUOTED_CHARS]
            raise UndecodableBody(f"two values of the flat body have the key {shown!r}")
        seen.add(read)
