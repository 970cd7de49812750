from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.addresses import (
    FORBIDDEN_V4,
    FORBIDDEN_V6,
    METADATA,
    AddressRules,
    literal_refusal,
    parse_rules,
    refusal,
)
from pipeline.domain.urls import parse_url

NOTHING_MORE = AddressRules()
NAT64 = parse_rules([], nat64="64:ff9b::/96")

FORBIDDEN = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, bound by nobody
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.255",
    "192.88.99.0",
    "192.88.99.255",
    "192.168.0.0",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.0",
    "198.51.100.255",
    "203.0.113.0",
    "203.0.113.255",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:7f00:1",
    "::5efe:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "1fff:ffff::1",
    "2001::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.0.0.0",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "2000::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2001:db7:ffff::1",
    "2001:db9::1",
    "2003::1",
    "2606:4700::1",
    "2a00:1450::1",
    "3ffe:ffff::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_forbidden_address_is_refused_with_its_reason(address: str):
    reason = refusal(address, host="a.test", rules=NOTHING_MORE)
    assert reason is not None
    assert " is in " in reason or "zone id" in reason


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str):
    assert refusal(address, host="a.test", rules=NOTHING_MORE) is None


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.1", "2130706433", "1.2.3.4 "])
def test_what_is_no_plain_address_is_refused(text: str):
    assert refusal(text, host="a.test", rules=NOTHING_MORE) == f"{text!r} is not an address"


@given(st.integers(min_value=0, max_value=2**32 - 1).map(IPv4Address))
def test_ipv4_is_allowed_exactly_outside_the_list(address: IPv4Address):
    is_forbidden = any(address in network for network in FORBIDDEN_V4)
    assert (refusal(address, host="a", rules=NOTHING_MORE) is not None) == is_forbidden


@given(st.integers(min_value=0, max_value=2**128 - 1).map(IPv6Address))
def test_ipv6_is_allowed_exactly_in_global_unicast_less_the_list(address: IPv6Address):
    is_allowed = int(address) >> 125 == 1 and not any(
        address in network for network in FORBIDDEN_V6
    )
    assert (refusal(address, host="a", rules=NOTHING_MORE) is None) == is_allowed


@given(st.integers(min_value=0, max_value=2**32 - 1).map(IPv4Address))
def test_no_forbidden_ipv4_address_is_reached_through_ipv6(address: IPv4Address):
    embeddings = [
        int(address),
        0xFFFF << 32 | int(address),
        0x64FF9B << 96 | int(address),
        0x2002 << 112 | int(address) << 80,
    ]
    for embedded in map(IPv6Address, embeddings):
        assert refusal(embedded, host="a", rules=NOTHING_MORE) is not None


@given(st.integers(min_value=0, max_value=2**32 - 1).map(IPv4Address))
def test_behind_nat64_an_address_is_judged_by_the_one_it_embeds(address: IPv4Address):
    behind = IPv6Address(0x64FF9B << 96 | int(address))
    plain = refusal(address, host="a", rules=NAT64) is None
    assert (refusal(behind, host="a", rules=NAT64) is None) == plain


def test_a_network_of_the_operators_allows_what_lies_in_it_and_nothing_else():
    rules = parse_rules(["10.1.0.0/16", "::1"])
    assert refusal("10.1.2.3", host="a", rules=rules) is None
    assert refusal("::1", host="a", rules=rules) is None
    assert refusal("10.2.0.0", host="a", rules=rules) == "10.2.0.0 is in 10.0.0.0/8"
    assert refusal("::2", host="a", rules=rules) is not None
    assert refusal("::ffff:10.1.2.3", host="a", rules=rules) is not None


def test_a_name_of_the_operators_may_lead_anywhere_but_to_the_metadata():
    rules = parse_rules(["Receiver.Internal"])
    assert refusal("10.1.2.3", host="receiver.internal", rules=rules) is None
    assert refusal("fc00::1", host="receiver.internal", rules=rules) is None
    assert refusal("10.1.2.3", host="evil.receiver.internal", rules=rules) is not None
    assert refusal("169.254.169.254", host="receiver.internal", rules=rules) is not None
    assert refusal("fd00:ec2::254", host="receiver.internal", rules=rules) is not None


@pytest.mark.parametrize("address", [str(network[1]) for network in METADATA])
def test_the_metadata_addresses_are_allowed_only_when_spelled_out(address: str):
    everything = parse_rules(["0.0.0.0/0", "::/0"])
    assert refusal(address, host="a", rules=everything) is not None
    assert refusal(address, host="a", rules=parse_rules([address])) is None


@pytest.mark.parametrize("item", ["10.0.0.1/8", "300.1.1.1", "a b", "0x7f.1", "-", "", "*.test"])
def test_an_item_that_is_neither_network_nor_name_is_named(item: str):
    with pytest.raises(ValueError, match="is neither a network"):
        parse_rules(["10.0.0.0/8", item])


@pytest.mark.parametrize("prefix", ["64:ff9b::/64", "10.0.0.0/8", "nonsense"])
def test_a_nat64_prefix_is_an_ipv6_network_of_96_bits(prefix: str):
    with pytest.raises(ValueError, match="NAT64"):
        parse_rules([], nat64=prefix)
    assert NAT64.nat64 == IPv6Network("64:ff9b::/96")


def test_a_url_whose_host_is_an_address_is_judged_at_once():
    assert literal_refusal(parse_url("http://127.0.0.1/"), NOTHING_MORE) is not None
    assert literal_refusal(parse_url("http://[::1]/"), NOTHING_MORE) is not None
    assert literal_refusal(parse_url("http://8.8.8.8/"), NOTHING_MORE) is None
    assert literal_refusal(parse_url("http://[2606:4700::1]/"), NOTHING_MORE) is None
    assert literal_refusal(parse_url("http://localhost/"), NOTHING_MORE) is None
    assert literal_refusal(parse_url("http://127.0.0.1/"), parse_rules(["127.0.0.0/8"])) is None


def test_addresses_may_be_given_as_values():
    assert refusal(ip_address("8.8.8.8"), host="a", rules=NOTHING_MORE) is None
