"""What benchmarks publish is what it says that it is."""

import json

import pytest

from benchmarks.endpoint_layouts import SHARED_PARTITIONS, EndpointLayout, Spreading, TopicKind
from benchmarks.events import (
    KIB,
    DataTemplate,
    EventFormat,
    event_encoder,
    event_number,
    source_record,
)
from benchmarks.neighbours import account_number, neighbours
from benchmarks.partition_of_key import partition_of_key
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.topic_file import read_topic_file
from pipeline.domain.topology import Topology
from pipeline.flow import Partition, Record
from pipeline.resources import SCHEMAS_DIR, TOPICS_FILE

CODEC = RecordCodec(load_schemas(SCHEMAS_DIR))
KAFKAS_OWN_EXAMPLES = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
"""Of its test of murmur2."""


@pytest.mark.parametrize("size_bytes", [512, KIB, 10 * KIB, 200 * KIB])
@pytest.mark.parametrize("number", [0, 7, 999_999_999])
def test_data_has_exactly_its_size_and_its_number(size_bytes: int, number: int):
    data = DataTemplate(size_bytes)(number)
    assert len(data) == size_bytes
    document = json.loads(data)
    assert document["number"] == number
    assert document["id"] == f"inv_{number:012d}"


@pytest.mark.parametrize("event_format", EventFormat)
def test_an_event_is_read_as_it_was_meant_in_every_format(event_format: EventFormat):
    encode = event_encoder(event_format, CODEC)
    data = DataTemplate(KIB)
    made = source_record(1_234, "account-3", run="r1", event_data=data, encode=encode)
    event = CODEC.decode_event(Record(Partition("events", 0), 0, made.key, made.value, 0))
    assert event_number(event.id) == 1_234
    assert (event.account, event.subject) == ("account-3", "customer/234")
    assert event.data == data(1_234)


@pytest.mark.parametrize(("key", "found"), KAFKAS_OWN_EXAMPLES.items())
def test_keys_are_hashed_as_kafka_hashes_them(key: bytes, found: int):
    assert partition_of_key(key, 1 << 31) == found & 0x7FFFFFFF


def test_neighbours_in_the_shared_topic_are_all_on_one_partition():
    ids = neighbours(TopicKind.SHARED).endpoint_ids()
    assert len(set(ids)) == 10
    assert {partition_of_key(one.encode(), SHARED_PARTITIONS) for one in ids} == {0}
    file = read_topic_file(TOPICS_FILE, Topology())
    assert file.topics[Topology().shared_delivery].partitions == SHARED_PARTITIONS


def test_endpoints_are_otherwise_spread_over_all_partitions():
    layout = EndpointLayout(200, 200, TopicKind.SHARED, spreading=Spreading.EVEN)
    found = {partition_of_key(one.encode(), SHARED_PARTITIONS) for one in layout.endpoint_ids()}
    assert found == set(range(SHARED_PARTITIONS))


def test_every_second_event_is_the_neighbours_and_the_others_share_the_rest():
    counts = [0] * 10
    for number in range(1_800):
        counts[account_number(number)] += 1
    assert counts == [100] * 9 + [900]
