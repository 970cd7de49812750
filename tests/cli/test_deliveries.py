"""The log of deliveries on the command line, filled by real stages and a real receiver."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cli.api_process import pipeline_with_api
from tests.cli.command import Ended, Shell
from tests.kafka_broker import SessionBroker
from tests.receiver import Answer, Receiver, receiving
from tests.running_pipeline import RunningPipeline, eventually

pytestmark = pytest.mark.timeout(240)  # each command is a process, and so is each stage

SHORT_DAYS = 1.0 / 24 / 3_600 * 20
"""Twenty seconds."""


@pytest.fixture(scope="module")
def pipeline(
    broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[RunningPipeline]:
    folder = tmp_path_factory.mktemp("deliveries")
    with pipeline_with_api(broker.bootstrap_servers, folder, "sender", "recorder") as running:
        yield running


@contextmanager
def sampled(shell: Shell) -> Generator[tuple[Receiver, str, str]]:
    """A receiver, its endpoint, and a sample's delivery that it has accepted."""
    account, endpoint = f"a{uuid.uuid4().hex[:12]}", f"ep-{uuid.uuid4().hex[:12]}"
    with receiving() as receiver:
        done(shell.run("accounts", "create", account))
        url = receiver.url(f"/{endpoint}")
        done(shell.run("endpoints", "create", account, "--id", endpoint, "--url", url))
        sent = done(shell.run("endpoints", "test", endpoint, "--json")).json["id"]
        wait_for_status(shell, sent, "delivered")
        yield receiver, endpoint, sent


def done(ended: Ended) -> Ended:
    assert ended.status == 0, ended.err
    return ended


def shown(shell: Shell, delivery: str) -> dict[str, Any]:
    return done(shell.run("deliveries", "show", delivery, "--json")).json


def wait_for_status(shell: Shell, delivery: str, status: str) -> None:
    eventually(lambda: shown(shell, delivery)["status"] == status)


def test_a_delivery_is_found_read_and_sent_again(shell: Shell):
    with sampled(shell) as (receiver, endpoint, sent):
        listed, as_people, raw, people = shell.run_together(
            [
                ("deliveries", "list", "--endpoint", endpoint, "--http-status", "2xx", "--json"),
                ("deliveries", "list", "--endpoint", endpoint, "--status", "dead"),
                ("deliveries", "raw", sent),
                ("deliveries", "show", sent),
            ]
        )
        assert [one["id"] for one in listed.json["items"]] == [sent]
        assert as_people.out.strip() == "no deliveries"
        (request,) = receiver.to(f"/{endpoint}")
        assert raw.out == request.body.decode()
        assert people.lines[-1].split()[3:6] == ["accepted", "204", "delivered"]
        again = done(shell.run("deliveries", "trigger", sent, "--json")).json["id"]
        wait_for_status(shell, again, "delivered")
        first, second = receiver.to(f"/{endpoint}")
        assert second.header("webhook-triggered-again") == "true"
        assert first.header("webhook-triggered-again") is None
        assert (second.body, second.webhook_id) == (first.body, first.webhook_id)
        row = shown(shell, again)
        assert (row["original"], row["cause"]) == (sent, "trigger_again")
        assert shown(shell, sent)["times_triggered"] == 1
        counted = shell.run("statistics", "--endpoint", endpoint, "--json").json
        assert (counted["requests"], counted["accepted"]) == (2, 2)
        people = done(shell.run("statistics", "--endpoint", endpoint))
        assert any(line.split()[:2] == ["acceptance", "100.00"] for line in people.lines)


def test_what_waits_is_listed_tried_at_once_and_dropped(shell: Shell):
    account, endpoint = f"a{uuid.uuid4().hex[:12]}", f"ep-{uuid.uuid4().hex[:12]}"
    with receiving() as receiver:
        receiver.behaviour = lambda _: Answer(400)
        done(shell.run("accounts", "create", account))
        url = receiver.url(f"/{endpoint}")
        delays = ("--set", 'retry={"delays": ["1h", "1h"]}')
        created = ("endpoints", "create", account, "--id", endpoint, "--url", url)
        done(shell.run(*created, *delays))
        sent = done(shell.run("endpoints", "test", endpoint, "--json")).json["id"]
        receiver.wait_for(1, path=f"/{endpoint}")
        wait_for_status(shell, sent, "retrying")
        waiting = done(shell.run("endpoints", "waiting", endpoint, "--json")).json
        assert [(one["id"], one["next_attempt"]) for one in waiting["items"]] == [(sent, 2)]
        tried = done(shell.run("deliveries", "retry-now", sent))
        assert f"{sent} is tried now" in tried.err
        receiver.wait_for(2, path=f"/{endpoint}")
        assert f"{sent} is dropped" in done(shell.run("deliveries", "drop", sent)).err
        refused, left = shell.run_together(
            [("deliveries", "retry-now", sent), ("endpoints", "waiting", endpoint)]
        )
        assert (refused.status, "is dropped: it waits for no retry" in refused.err) == (2, True)
        assert left.out.strip() == "nothing waits"


def test_what_is_not_there_is_told_on_one_line(shell: Shell):
    gone = shell.run("deliveries", "raw", "dlv_none")
    assert (gone.status, gone.out) == (2, "")
    assert "There is no delivery dlv_none (HTTP 404)" in gone.err
    both = shell.run("statistics", "--endpoint", "a", "--account", "b")
    assert (both.status, "give one of them" in both.err) == (2, True)


def test_with_a_short_archive_age_all_is_archived_and_blanked_and_the_row_stays(
    shell: Shell, pipeline: RunningPipeline
):
    account, endpoint = f"a{uuid.uuid4().hex[:12]}", f"ep-{uuid.uuid4().hex[:12]}"
    done(shell.run("accounts", "create", account))
    url = "http://127.0.0.1:9/"  # nobody listens there, so headers are kept
    done(shell.run("endpoints", "create", account, "--id", endpoint, "--url", url))
    sent = done(shell.run("endpoints", "test", endpoint, "--json")).json["id"]
    wait_for_status(shell, sent, "retrying")
    assert shown(shell, sent)["attempt_log"][0]["request_headers"]
    pipeline.stop("api", "recorder", "sender")
    try:
        pipeline.run(
            "api",
            "recorder",
            PIPELINE_ARCHIVE__AFTER_DAYS=f"{SHORT_DAYS:.9f}",
            PIPELINE_ARCHIVE__ROUND_SECONDS="0.5",
        )
        eventually(lambda: shown(shell, sent)["archived"], seconds=60)
        eventually(lambda: not shown(shell, sent)["attempt_log"][0]["request_headers"])
        row = shown(shell, sent)
        assert (row["status"], row["attempt_log"][0]["outcome"]) == ("retrying", "unreachable")
        for action in ("raw", "trigger"):
            ended = shell.run("deliveries", action, sent)
            assert (ended.status, "Archived" in ended.err, "410" in ended.err) == (2, True, True)
    finally:
        pipeline.stop("api", "recorder")
        pipeline.run("api", "recorder", "sender")
    assert json.loads(shell.run("deliveries", "raw", sent).out)
