"""One installation's store exported, and imported into another one, on a real broker."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.adapters.export_file.lines import EndpointLine
from pipeline.adapters.export_file.reading import ExportFileError
from pipeline.adapters.export_file.writing import write_export
from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.sealing import Sealer
from pipeline.domain.endpoint import Endpoint, EndpointStatus, Order
from pipeline.domain.endpoint_fields import fields_of_endpoint
from pipeline.domain.endpoint_topics import Placement
from pipeline.domain.relation import Relation
from pipeline.moving import MovedEndpoint
from pipeline.operating import Operator
from pipeline.wiring import importing
from pipeline.wiring.endpoint_changes import ChangeContext
from pipeline.wiring.endpoint_move import move_endpoint
from pipeline.wiring.exporting import Unopened, export_store
from pipeline.wiring.import_check import Existing, Standing
from pipeline.wiring.import_writing import Differs
from pipeline.wiring.importing import Imported, import_file, plan_import
from tests.domain.endpoint_files import URL, endpoint
from tests.kafka.outbox_places import log_of, opened_place, settings_of
from tests.kafka.test_table_rebuild import apply, assert_equal_sides, stored
from tests.kafka_broker import SessionBroker
from tests.storage.registry_values import a_key, a_profile, an_event_type

KEY = a_key(hash=b"k" * 32)
ADA = Operator("ada", "$argon2id$v=19$...", 7)
COUNTS = {
    "profile": 1,
    "event_type": 1,
    "account": 1,
    "endpoint": 3,
    "relation": 2,
    "key": 1,
    "operator": 1,
}


class Interrupted(Exception):
    """As if the process had been killed here."""


@pytest.fixture
def here(broker: SessionBroker, tmp_path: Path) -> Generator[ChangeContext]:
    with opened_place(settings_of(broker.bootstrap_servers, tmp_path / "here")) as opened:
        yield opened


@pytest.fixture
def there(broker: SessionBroker, tmp_path: Path) -> Generator[ChangeContext]:
    """Another prefix, another key, another store."""
    with opened_place(settings_of(broker.bootstrap_servers, tmp_path / "there")) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "everything.jsonl"


async def fill(context: ChangeContext, folder: Path) -> None:
    """One of everything; of endpoints one with its own topic, one that shares, one removed."""
    shared = endpoint(id="other", url=URL + "2", auth={"type": "bearer", "token": "t0"})
    await apply(context, folder, endpoint(), shared, endpoint(id="gone", url=URL + "3"))
    await apply(context, folder, {"id": "gone", "removed": True})
    await move_endpoint("other", Placement.SHARED, context)
    with context.store.registry.writing() as writer:
        for relation in (Relation("acme", "c/1", "gold", {"k": "1"}), Relation("acme", "c/2")):
            writer.put_relation(relation)
        writer.put_profile(a_profile())
        writer.put_key(KEY)
        writer.put_event_type(an_event_type())
    context.store.operators.put_operator(ADA)


def export(context: ChangeContext, file: Path, *, seal_for: Sealer | None) -> Mapping[str, int]:
    sealers = None if seal_for is None else (context.sealer, seal_for)
    topology = context.topic_file.topology
    return export_store(context.store.whole, file, topology=topology, sealers=sealers)


def opened(context: ChangeContext) -> dict[str, Endpoint]:
    """All endpoints without what belongs to an installation, their secrets open."""

    def open_one(each: Endpoint) -> Endpoint:
        sealed = each.sealed and context.sealer.open(each.sealed, record_key=each.id.encode())
        return replace(each, topic="", moved_from=None, moved_at_ms=0, sealed=sealed)

    return {each.id: open_one(each) for each in stored(context.sides).endpoints}


def counted(imported: Imported, standing: Standing) -> dict[str, int]:
    return dict(imported.met.counts[standing])


async def test_all_that_a_store_says_arrives_under_other_names_and_another_key(
    here: ChangeContext, there: ChangeContext, file: Path, tmp_path: Path
):
    await fill(here, tmp_path)
    assert export(here, file, seal_for=there.sealer) == COUNTS
    assert (await plan_import(file, there)).counts[Standing.NEW] == COUNTS
    assert stored(there.sides).accounts == []
    imported = await import_file(file, there, Existing.REFUSE)
    assert counted(imported, Standing.NEW) == COUNTS
    was, now = stored(here.sides), stored(there.sides)
    assert now.accounts == was.accounts
    assert now.relations == was.relations
    assert now.profiles == was.profiles
    assert opened(there) == opened(here)
    assert opened(there)["crm"].sealed
    topology = there.topic_file.topology
    topics = {each.id: each.topic for each in now.endpoints}
    assert topics["crm"] == topology.delivery("crm")
    assert topics["other"] == topology.shared_delivery
    assert topology.delivery("crm") in Cluster(there.connection).layout().topics
    assert {each.status for each in now.endpoints if each.id == "gone"} == {EndpointStatus.REMOVED}
    with there.store.registry.reading() as reader:
        assert reader.keys(account=None, after="", limit=9) == [KEY]
        assert reader.event_types(after="", limit=9) == [an_event_type()]
    assert there.store.operators.operators() == [ADA]
    await assert_equal_sides(there.sides)
    await the_same_again_changes_nothing(file, there)


async def the_same_again_changes_nothing(file: Path, there: ChangeContext) -> None:
    before = stored(there.sides)
    ends = [len(log_of(there.sides, topic)) for topic in there.sides.topology.tables]
    again = await import_file(file, there, Existing.REFUSE)
    assert counted(again, Standing.SAME) == COUNTS
    assert not again.met.counts[Standing.NEW]
    assert stored(there.sides) == before
    assert [len(log_of(there.sides, topic)) for topic in there.sides.topology.tables] == ends


async def test_what_was_interrupted_goes_on(
    here: ChangeContext,
    there: ChangeContext,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    await fill(here, tmp_path)
    export(here, file, seal_for=there.sealer)
    monkeypatch.setattr(importing, "_TOGETHER", 1)
    keep, left = importing.keep, iter(range(5))

    def keep_some(*arguments: Any) -> list[str]:
        if next(left, None) is None:
            raise Interrupted
        return keep(*arguments)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(importing, "keep", keep_some)
        with pytest.raises(Interrupted):
            await import_file(file, there, Existing.REFUSE)
    assert len(stored(there.sides).endpoints) == 2
    await import_file(file, there, Existing.REFUSE)
    assert opened(there) == opened(here)
    await assert_equal_sides(there.sides)


async def test_what_differs_is_refused_kept_or_replaced(
    here: ChangeContext, there: ChangeContext, file: Path, tmp_path: Path
):
    await fill(here, tmp_path)
    export(here, file, seal_for=there.sealer)
    await import_file(file, there, Existing.REFUSE)
    await apply(here, tmp_path, endpoint(timeout="20s"), endpoint(id="late", url=URL + "4"))
    export(here, file, seal_for=there.sealer)
    before = stored(there.sides)
    with pytest.raises(Differs, match=r"endpoint crm .*differs in timeout_ms"):
        await import_file(file, there, Existing.REFUSE)
    assert stored(there.sides) == before
    await import_file(file, there, Existing.KEEP)
    assert opened(there)["crm"].timeout_ms is None
    assert "late" in opened(there)
    topics = {each.id: each.topic for each in stored(there.sides).endpoints}
    await import_file(file, there, Existing.REPLACE)
    assert opened(there) == opened(here)
    assert {each.id: each.topic for each in stored(there.sides).endpoints} == topics
    await assert_equal_sides(there.sides)


async def test_secrets_that_no_key_here_opens_are_refused_before_anything_is_written(
    here: ChangeContext, there: ChangeContext, file: Path, tmp_path: Path
):
    await fill(here, tmp_path)
    export(here, file, seal_for=None)
    wanted = r"jsonl:5: endpoint crm: sealed: sealed with the key .*--seal-with.*OLDER_KEYS"
    with pytest.raises(ExportFileError, match=wanted):
        await import_file(file, there, Existing.REFUSE)
    assert not stored(there.sides).accounts
    with pytest.raises(Unopened, match="endpoint crm"):
        export(replace(here, sealer=there.sealer), file, seal_for=there.sealer)


async def test_endpoints_beyond_the_limit_of_own_topics_share_one_and_are_named(
    here: ChangeContext, there: ChangeContext, file: Path, tmp_path: Path
):
    strict = endpoint(id="strict", url=URL + "2", order="strict")
    await apply(here, tmp_path, endpoint(), endpoint(id="more", url=URL + "3"), strict)
    export(here, file, seal_for=there.sealer)
    few = replace(there, topic_file=replace(there.topic_file, dedicated_limit=1))
    imported = await import_file(file, few, Existing.REFUSE)
    assert imported.sharing == ["more"]
    none = replace(there, topic_file=replace(there.topic_file, dedicated_limit=0))
    (tmp_path / "strict").mkdir()
    await apply(here, tmp_path, endpoint(id="second", url=URL + "5", order="strict"))
    export(here, file, seal_for=there.sealer)
    with pytest.raises(ExportFileError, match="endpoint second: strict needs a topic of its own"):
        await import_file(file, none, Existing.REFUSE)


Lines = list[bytes]
SPOILT: dict[str, Callable[[Lines], Lines]] = {
    "cut short": lambda lines: lines[:-1],
    "its last line is missing": lambda _: [],
    "edited or damaged": lambda lines: [*lines[:4], *lines[5:]],
    "follows the end": lambda lines: [*lines, lines[3]],
    "format 2, and this version reads 1": lambda lines: [
        lines[0].replace(b"1", b"2", 1),
        *lines[1:],
    ],
    "not an export file": lambda lines: lines[1:],
    ":2: .*missing required": lambda lines: [lines[0], b'{"kind":"account","id":"a"}\n'],
    ":2: Invalid value 'ghost'": lambda lines: [lines[0], b'{"kind":"ghost"}\n'],
    ":2: .*unknown field `new`": lambda lines: [lines[0], b'{"kind":"operator","new":1}\n'],
    ":2: ": lambda lines: [lines[0], b"\xff\n"],
    "id contains ' '": lambda lines: [
        *lines[:3],
        lines[3].replace(b'"acme"', b'"a b"'),
        *lines[4:],
    ],
}


def spoilt(path: Path, spoil: Callable[[Lines], Lines]) -> Path:
    """A copy that was cut short, edited, or is of another version."""
    copy = path.with_name("spoilt.jsonl")
    copy.write_bytes(b"".join(spoil(path.read_bytes().splitlines(keepends=True))))
    return copy


async def test_a_file_that_cannot_be_used_is_refused_before_anything_is_written(
    here: ChangeContext, there: ChangeContext, file: Path, tmp_path: Path
):
    await fill(here, tmp_path)
    export(here, file, seal_for=there.sealer)
    for says, spoil in SPOILT.items():
        with pytest.raises(ExportFileError, match=says):
            await import_file(spoilt(file, spoil), there, Existing.REPLACE)
    with pytest.raises(ExportFileError, match="No such file"):
        await import_file(tmp_path / "none", there, Existing.REPLACE)
    known = stored(here.sides)
    profile = replace(known.accounts[0], profile="unknown")
    strict = MovedEndpoint(replace(known.endpoints[0], order=Order.STRICT, sealed=None), False)
    write_export(file, [profile, *known.accounts, Relation("no", "c"), strict], made_at="now")
    with pytest.raises(ExportFileError) as refused:
        await import_file(file, there, Existing.REPLACE)
    assert [line.partition(": ")[2] for line in refused.value.lines] == [
        "account acme: profile: there is no 'unknown', neither in the file nor here",
        "account acme: it is in the file twice",
        "relation no/c: account: there is no 'no', neither in the file nor here",
        "endpoint crm: order: strict needs own_topic: true",
    ]
    assert not stored(there.sides).accounts
    assert not stored(there.sides).profiles


def test_an_endpoints_line_has_all_that_its_table_record_has():
    """A field that was forgotten would be lost on the way."""
    its = set(fields_of_endpoint(Endpoint("", "", "", ""))) - {"topic", "moved_from", "moved_at"}
    assert {each.name for each in msgspec.structs.fields(EndpointLine)} == its | {"own_topic"}
