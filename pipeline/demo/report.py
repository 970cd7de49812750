"""What the demo says at its end."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.demo.contracts import CONTRACTS
from pipeline.demo.performance import Result


def report_lines(result: Result) -> Iterator[str]:
    """For people; what is wrong comes last, so that it is seen."""
    progress = result.progress
    delivered = [each for each in progress if each.is_settled and each.letter is None]
    letters = [each for each in progress if each.letter is not None]
    seen = [one for each in progress for one in each.seen]
    verified = sum(
        not one.problems
        for each in progress
        for one in each.seen
        if each.expected.contract in CONTRACTS
    )
    yield (
        f"{len(delivered)} of {len(progress)} delivered, {len(letters)} dead letters; "
        f"{verified} of {len(seen)} requests verified byte for byte by the receiver"
    )
    if not result.problems:
        yield "everything arrived as it should"
        return
    yield f"{len(result.problems)} things are not as they should be:"
    for problem in result.problems:
        yield f"  {problem}"
