"""Attempts and dead letters as people and programs read them; nothing in them steers a terminal."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

from confluent_kafka import Producer

from pipeline.domain.delivery import Attempt, DeadLetter, Position
from tests.cli.command import Shell, drained
from tests.kafka.record_values import A_DEAD_LETTER, AN_ATTEMPT
from tests.running_pipeline import RunningPipeline, eventually

HOSTILE = "\x1b[2J\x1b]0;owned\x07[red]\n"


def put(pipeline: RunningPipeline, topic: str, value: bytes, *, partition: int = 0) -> None:
    producer = Producer({**pipeline.connection})
    producer.produce(topic, value, partition=partition)
    assert producer.flush(30) == 0


def put_attempts(pipeline: RunningPipeline, *attempts: Attempt) -> None:
    put(pipeline, pipeline.topology.attempts, pipeline.codec.encode_attempts(attempts))


def an_attempt(**changes: object) -> Attempt:
    return AN_ATTEMPT._replace(**changes)


def a_dead_letter(**changes: object) -> DeadLetter:
    return A_DEAD_LETTER._replace(**changes)


def lines_until(
    shell: Shell, arguments: tuple[str, ...], is_enough: Callable[[list[str]], bool]
) -> list[str]:
    """What a command that runs on has written by then; it must end well on Ctrl-C."""
    lines: list[str] = []
    with shell.running(*arguments) as process:
        assert process.stdout is not None
        while not is_enough(lines):
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            lines.append(line.rstrip("\n"))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    return lines


def test_tail_shows_a_line_for_each_attempt_with_all_that_matters(
    shell: Shell, pipeline: RunningPipeline
):
    put_attempts(
        pipeline,
        an_attempt(endpoint="ep_line", status=503, attempt=4, event_type="booking.confirmed"),
    )
    arguments = ("tail", "--from-start", "--endpoint", "ep_line")
    (line,) = lines_until(shell, arguments, lambda lines: len(lines) == 1)
    words = line.split()
    assert words[0] == "2026-03-02T11:00:00.123Z"
    assert words[1:8] == ["ep_line", "booking.confirmed", "#4", "refused", "503", "12ms", "retry"]


def test_tail_shows_what_is_asked_for_alone_and_as_json_for_programs(
    shell: Shell, pipeline: RunningPipeline
):
    put_attempts(
        pipeline,
        an_attempt(endpoint="ep_json", outcome="accepted", decision="delivered", status=200),
        an_attempt(endpoint="ep_json", account="other"),
        an_attempt(endpoint="ep_json", next_attempt_at_ms=None, attempt=9),
    )
    arguments = ("tail", "--from-start", "--json", "--failed", "--endpoint", "ep_json")
    account = ("--account", AN_ATTEMPT.account)
    (line,) = lines_until(shell, (*arguments, *account), lambda lines: len(lines) == 1)
    attempt = json.loads(line)
    assert (attempt["attempt"], attempt["outcome"], attempt["status"]) == (9, "refused", 503)
    assert attempt["started_at"] == "2026-03-02T11:00:00.123Z"
    assert attempt["next_attempt_at"] is None
    assert attempt["record"] == {"topic": "webhooks.delivery.ep_1", "partition": 0, "offset": 7}


def test_tail_begins_with_what_comes_next(shell: Shell, pipeline: RunningPipeline):
    put_attempts(pipeline, an_attempt(endpoint="ep_next", attempt=1))
    with shell.running("tail", "--endpoint", "ep_next") as process:
        seen, numbers = drained(process.stdout), iter(range(2, 10_000))

        def is_shown() -> bool:
            # It does not say when it is ready, so attempts are made until it shows one.
            put_attempts(pipeline, an_attempt(endpoint="ep_next", attempt=next(numbers)))
            return bool(seen)

        eventually(is_shown, seconds=60)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert "#1 " not in seen[0]


def test_nothing_that_an_endpoint_says_steers_the_terminal(shell: Shell, pipeline: RunningPipeline):
    put_attempts(pipeline, an_attempt(endpoint="ep_hostile", error=HOSTILE, event_type="[bold]t"))
    arguments = ("tail", "--from-start", "--endpoint", "ep_hostile")
    (line,) = lines_until(shell, arguments, lambda lines: len(lines) == 1)
    assert "\\x1b[2J\\x1b]0;owned\\x07[red]\\n" in line
    assert "[bold]t" in line
    topic = pipeline.topology.dead_letter
    letter = a_dead_letter(endpoint="ep_hostile", error=HOSTILE, source=Position("t\x1b", 0, 1))
    put(pipeline, topic, pipeline.codec.encode_dead_letter(letter))
    out = shell.run("dead-letters", "list", "--endpoint", "ep_hostile").out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_dead_letters_come_newest_first_over_all_partitions(
    shell: Shell, pipeline: RunningPipeline
):
    topic = pipeline.topology.dead_letter
    for number in range(6):
        letter = a_dead_letter(
            id=f"dlv_{number}",
            endpoint="ep_order" if number != 4 else "another",
            reason="exhausted" if number != 2 else "gone",
            raw=b"x" * 100_000,
        )
        value = pipeline.codec.encode_dead_letter(letter)
        put(pipeline, topic, value, partition=number % 2)
    put(pipeline, topic, b"of another version")
    listed = shell.run("dead-letters", "list", "--endpoint", "ep_order", "--json")
    ids = [letter["id"] for letter in listed.json["items"]]
    assert ids == ["dlv_5", "dlv_3", "dlv_2", "dlv_1", "dlv_0"]
    assert "left out, written by another version: 1" in listed.err
    of_reason = ("--reason", "exhausted", "--limit", "2", "--json")
    listed = shell.run("dead-letters", "list", "--endpoint", "ep_order", *of_reason)
    assert [letter["id"] for letter in listed.json["items"]] == ["dlv_5", "dlv_3"]


def test_a_dead_letter_is_shown_with_its_reason_and_where_it_lay(
    shell: Shell, pipeline: RunningPipeline
):
    topic = pipeline.topology.dead_letter
    letter = a_dead_letter(endpoint="ep_shown", status=410, reason="gone", error="gone for good")
    put(pipeline, topic, pipeline.codec.encode_dead_letter(letter))
    header, row = shell.run("dead-letters", "list", "--endpoint", "ep_shown").lines
    assert header.split()[:3] == ["when", "reason", "endpoint"]
    assert row.split() == [
        "2026-03-02T11:01:40.000Z",
        *("gone", "ep_shown", "booking.confirmed", "10", "410"),
        *("webhooks.retry.1h/1/99", "gone", "for", "good"),
    ]


def test_a_reason_that_there_is_not_is_refused_with_those_there_are(bare_shell: Shell):
    ended = bare_shell.run("dead-letters", "list", "--reason", "tired")
    assert ended.status == 2
    assert "exhausted" in ended.err
