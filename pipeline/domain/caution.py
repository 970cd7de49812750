"""How carefully a partition is read whose readers crash: which record is it that kills them?

A process that is killed says nothing, so what it was at must be known beforehand. Beside each
committed offset stands whether records were under way. Found there by the next owner, it means that
the last one died. Three deaths at one head, and the partition is read in small groups, each
written down before it is touched. The group that dies is run one by one, with nothing else under
way in the process, and the record that dies alone, twice, is the culprit.

Ordinary crashes cost nothing by this: the head moves between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD_CRASHES = 3
"""Deaths at one head before it is read in groups."""
ALONE_CRASHES = 2
"""Deaths alone before a record is given up: one may be chance, an operator's `kill -9`."""
GROUP_RECORDS = 64
REACH_OFFSETS = 2_000
"""How far beyond the head the culprit is looked for: what is read within one commit interval. One
that lies deeper shows again, at a later head."""


class Trying(msgspec.Struct, frozen=True, omit_defaults=True):
    """A group under way, written down before it was touched."""

    first: int
    last: int
    is_alone: bool = False
    """One record, and nothing else was under way in the process."""


class Caution(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known about the deaths of a partition's readers; offsets."""

    head: int = -1
    crashes: int = 0
    """Deaths at `head`."""
    until: int = 0
    """Below this it is read in groups."""
    trying: Trying | None = None
    suspects: tuple[int, int] | None = None
    """First and last of the group that died: they are run one by one."""
    accused: int = -1
    times: int = 0
    """Deaths of the accused alone."""


NONE = Caution()


def after_crash(caution: Caution, head: int) -> Caution:
    """What to mind after one more death, at this head."""
    caution = at_head(caution, head)
    if caution.until:
        return _after_careful_crash(caution)
    crashes = caution.crashes + 1
    if crashes < HEAD_CRASHES:
        return Caution(head=head, crashes=crashes)
    return Caution(until=head + REACH_OFFSETS)


def at_head(caution: Caution, head: int) -> Caution:
    """What is left of it, now that everything below `head` is finished."""
    still = head < caution.until if caution.until else head == caution.head
    return caution if still else NONE


def _after_careful_crash(caution: Caution) -> Caution:
    trying = caution.trying
    if trying is None:
        return caution
    if not trying.is_alone:
        return replace(caution, trying=None, suspects=(trying.first, trying.last))
    times = caution.times + 1 if caution.accused == trying.first else 1
    return replace(caution, trying=None, accused=trying.first, times=times)


def is_culprit(caution: Caution, offset: int) -> bool:
    """Whether this record has killed its process often enough to be given up."""
    return offset == caution.accused and caution.times >= ALONE_CRASHES


def next_group(caution: Caution, offsets: Sequence[int]) -> Trying | None:
    """What of these records (in order, at least one) to try next.

    None if they may be read as ever.
    """
    first = offsets[0]
    if first >= caution.until:
        return None
    begin, end = caution.suspects or (caution.until, caution.until - 1)
    if begin <= first <= end:
        return Trying(first, first, is_alone=True)
    bound = begin if first < begin else caution.until
    group = [offset for offset in offsets[:GROUP_RECORDS] if offset < bound]
    return Trying(first, group[-1])
