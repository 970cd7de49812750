"""`pipeline publish` on a real broker: what it acknowledges is there, and nothing by halves."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping

from pipeline.flow import Partition, Record
from tests.cli.command import UNREACHABLE, Shell
from tests.running_pipeline import RunningPipeline, read_all


def an_event(**members: object) -> dict[str, object]:
    return {"account": "acme", "type": "person.created", "data": {"id": 1}, **members}


def stored(pipeline: RunningPipeline) -> Mapping[str, tuple[int, int, bytes]]:
    """Place and value of every event there is, by its id."""
    topic = pipeline.topology.events
    records = read_all(pipeline.bootstrap_servers, topic)
    return {json.loads(record[2])["id"]: record for record in records}


def test_events_of_files_are_published_and_their_ids_printed_in_order(
    shell: Shell, pipeline: RunningPipeline
):
    ids = [f"a-{uuid.uuid4()}", f"b-{uuid.uuid4()}", f"c-{uuid.uuid4()}"]
    one = shell.write("one.json", json.dumps(an_event(id=ids[0]), indent=2))
    two = shell.write("two.json", json.dumps([an_event(id=ids[1]), an_event(id=ids[2])]))
    ended = shell.run("publish", one, two)
    assert (ended.status, ended.lines) == (0, ids), ended.err
    assert set(ids) <= stored(pipeline).keys()


def test_the_router_reads_what_was_published(shell: Shell, pipeline: RunningPipeline):
    line = json.dumps(an_event(subject="company/7", time="2026-03-02T11:00:00Z"))
    ended = shell.run("publish", "--json", stdin=line)
    said = ended.json
    record = stored(pipeline)[said["id"]]
    assert (said["partition"], said["offset"]) == record[:2]
    partition = Partition(pipeline.topology.events, record[0])
    event = pipeline.codec.decode_event(Record(partition, record[1], None, record[2], 0))
    assert (event.id, event.account, event.subject) == (said["id"], "acme", "company/7")
    assert event.data == b'{"id": 1}'


def test_events_of_one_subject_lie_in_one_partition(shell: Shell):
    lines = [json.dumps(an_event(subject=f"s/{number % 3}")) for number in range(30)]
    said = [
        json.loads(line) for line in shell.run("publish", "--json", stdin="\n".join(lines)).lines
    ]
    places = {(number % 3, one["partition"]) for number, one in enumerate(said)}
    assert len(said) == 30
    assert len(places) == 3


def test_one_bad_event_in_any_file_and_nothing_is_sent(shell: Shell, pipeline: RunningPipeline):
    good_id = str(uuid.uuid4())
    good = shell.write("good.json", json.dumps(an_event(id=good_id)))
    lines = [
        json.dumps(an_event(id=good_id)),
        '{"acount": "a"}',
        "",
        '{"account": "a", "type": "t"}',
    ]
    bad = shell.write("bad.jsonl", "\n".join(lines))
    ended = shell.run("publish", good, bad)
    assert (ended.status, ended.out) == (2, "")
    assert ended.error_lines == [
        "bad.jsonl:2: acount: unknown field: did you mean account?",
        "bad.jsonl:4: data: missing: give a value, any JSON",
        "nothing was sent",
    ]
    assert good_id not in stored(pipeline)


def test_a_stream_is_sent_up_to_the_first_event_that_is_none(
    shell: Shell, pipeline: RunningPipeline
):
    before, after = str(uuid.uuid4()), str(uuid.uuid4())
    lines = [json.dumps(an_event(id=before)), "nonsense", json.dumps(an_event(id=after))]
    ended = shell.run("publish", "-", stdin="\n".join(lines))
    assert (ended.status, ended.lines) == (2, [before])
    assert ended.error_lines[0].startswith("standard input:2: not JSON")
    assert "published before it: 1" in ended.err
    there = stored(pipeline)
    assert before in there
    assert after not in there


def test_an_event_of_a_stream_is_acknowledged_before_the_next_one_comes(shell: Shell):
    event_id = str(uuid.uuid4())
    with shell.running("publish") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(an_event(id=event_id)) + "\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == event_id
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_topic_that_the_router_does_not_read_is_refused_with_the_nearest(
    shell: Shell, pipeline: RunningPipeline
):
    ended = shell.run("publish", "--topic", f"{pipeline.prefix}event", stdin=json.dumps(an_event()))
    assert ended.status == 2
    assert f"did you mean {pipeline.topology.events}?" in ended.err


def test_without_kafka_one_line_says_so_and_what_helps(shell: Shell):
    ended = shell.run(
        "publish", stdin=json.dumps(an_event()), PIPELINE_KAFKA__BOOTSTRAP_SERVERS=UNREACHABLE
    )
    assert ended.status == 1
    (line,) = ended.error_lines
    assert UNREACHABLE in line
    assert "pipeline doctor" in line


def test_a_file_that_is_not_there_and_one_that_is_empty_are_refused(bare_shell: Shell):
    ended = bare_shell.run("publish", "missing.json")
    assert (ended.status, ended.error_lines) == (2, ["missing.json: No such file or directory"])
    ended = bare_shell.run("publish", bare_shell.write("empty.json", "\n"))
    assert ended.status == 2
    assert ended.error_lines[0].startswith("empty.json: empty")
