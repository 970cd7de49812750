"""The table of least rights in deploy/SECURITY.md against the list that is put in force."""

from __future__ import annotations

from itertools import groupby

from pipeline.cli.acl_lines import operations_of
from pipeline.domain.least_rights import Names, Part, least_rights
from pipeline.domain.rights import Right
from pipeline.domain.topology import Topology
from tests.architecture.checkout import ROOT

DOCUMENT = (ROOT / "deploy" / "SECURITY.md").read_text(encoding="utf-8")


def rows(part: Part) -> list[str]:
    """As they have to stand there, under the usual prefix."""
    topology = Topology()
    rights = least_rights(part, Names(topology, (topology.events,)))
    told = [(", ".join(operations_of(each)), each.resource, each.why) for each in rights]
    grouped = groupby(zip(told, rights, strict=True), key=lambda pair: pair[0])
    return [
        f"| {part} | {operations} | {resource} "
        f"{', '.join(f'`{shown(right)}`' for _, right in group)} | {why} |"
        for (operations, resource, why), group in grouped
    ]


def shown(right: Right) -> str:
    return f"{right.name}*" if right.is_prefix else right.name


def test_the_document_has_every_right_and_no_other():
    expected = [row for part in Part for row in rows(part)]
    parts = tuple(f"| {part} |" for part in Part)
    found = [line for line in DOCUMENT.splitlines() if line.startswith(parts)]
    assert found == expected, "\n".join(expected)
