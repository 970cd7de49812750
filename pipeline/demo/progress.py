"""What became of the demo's events so far, and what is not as it has to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from pipeline.demo.judge import Seen
from pipeline.demo.scenario import ExpectedEndpoint, Scenario
from pipeline.domain.delivery import Attempt, DeadLetter, Decision


@dataclass(frozen=True, slots=True)
class Progress:
    """One delivery that has to come of the run."""

    expected: ExpectedEndpoint
    sample: str
    event_type: str
    attempts: tuple[Attempt, ...]
    """As the pipeline logs them, by number."""
    seen: tuple[Seen, ...]
    """As the receiver got them, in order."""
    letter: DeadLetter | None

    @property
    def is_settled(self) -> bool:
        """Whether nothing more can become of it."""
        if self.letter is not None:
            return len(self.attempts) >= self.letter.attempts  # the log may come a moment later
        return any(one.decision == Decision.DELIVERED for one in self.attempts)

    @property
    def state(self) -> str:
        """In a word or two."""
        if self.letter is not None:
            return f"dead: {self.letter.reason}"
        if not self.attempts:
            return "waiting"
        last = self.attempts[-1]
        return "retrying" if last.decision == Decision.RETRY else str(last.decision)

    @property
    def answers(self) -> str:
        """What the attempts gave: statuses, or outcomes where there was none."""
        given = groupby(str(one.status or one.outcome) for one in self.attempts)
        counted = ((len(list(same)), answer) for answer, same in given)
        return ", ".join(answer if n == 1 else f"{n} x {answer}" for n, answer in counted)


class Deliveries(NamedTuple):
    """What is known, as `Tail` and `Judge` gathered it."""

    attempts: Iterable[Attempt]
    letters: Iterable[DeadLetter]
    seen: Iterable[Seen]


def progress_of(
    scenario: Scenario, event_ids: Mapping[str, str], known: Deliveries
) -> list[Progress]:
    """One for each delivery that has to come of these events, by their samples' names."""
    attempts: defaultdict[tuple[str, str], dict[int, Attempt]] = defaultdict(dict)
    for attempt in known.attempts:
        attempts[(attempt.event_id, attempt.endpoint)][attempt.attempt] = attempt
    letters = {letter.id: letter for letter in known.letters}
    seen: defaultdict[tuple[str, str], list[Seen]] = defaultdict(list)
    for one in known.seen:
        seen[(one.endpoint, one.webhook_id)].append(one)
    found: list[Progress] = []
    for endpoint in scenario.endpoints:
        for sample in endpoint.events:
            by_number = attempts[(event_ids.get(sample, ""), endpoint.id)]
            own = tuple(by_number[number] for number in sorted(by_number))
            found.append(
                Progress(
                    endpoint,
                    sample,
                    scenario.event(sample).type,
                    own,
                    tuple(seen[(endpoint.id, own[0].webhook_id)]) if own else (),
                    letters.get(own[0].delivery_id) if own else None,
                )
            )
    return found


def problems_of(progress: Progress) -> list[str]:
    """How it differs from what is expected; empty where it is all as it has to be."""
    expected, attempts, letter = progress.expected, progress.attempts, progress.letter
    problems = [problem for one in progress.seen for problem in one.problems]
    if not attempts:
        return [*problems, "was never tried"]
    answers = tuple(one.status for one in attempts)
    if answers != expected.answers:
        problems.append(f"got {_shown(answers)} and not {_shown(expected.answers)}")
    arrived = tuple(one.status for one in progress.seen)
    heard = tuple(answer for answer in expected.answers if answer is not None)
    if arrived != heard:
        problems.append(f"the receiver answered {_shown(arrived)} and not {_shown(heard)}")
    if any(one.sample not in {None, progress.sample} for one in progress.seen):
        problems.append("had the body of another event")
    if expected.is_delivered and attempts[-1].decision != Decision.DELIVERED:
        problems.append(f"was not delivered ({progress.state})")
    if not expected.is_delivered:
        problems += _letter_problems(letter, expected)
    return list(dict.fromkeys(problems))


def unasked(known: Deliveries, progress: Sequence[Progress]) -> list[str]:
    """Requests that nobody expects, for bodies that no event of this run has."""
    expected = {(one.endpoint, one.webhook_id) for each in progress for one in each.seen}
    return [
        f"{one.endpoint}: {problem}"
        for one in known.seen
        if (one.endpoint, one.webhook_id) not in expected
        for problem in one.problems
    ]


def _letter_problems(letter: DeadLetter | None, expected: ExpectedEndpoint) -> list[str]:
    if letter is None:
        return [f"has no dead letter ({expected.ends})"]
    wanted = (expected.ends, expected.answers[-1], len(expected.answers))
    found = (letter.reason, letter.status, letter.attempts)
    if found != wanted:
        return [f"its dead letter says {found} and not {wanted} (reason, status, attempts)"]
    return []


def _shown(answers: Sequence[int | None]) -> str:
    return ", ".join("no answer" if one is None else str(one) for one in answers) or "nothing"
