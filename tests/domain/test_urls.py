from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.domain.urls import ParsedUrl, UrlRefused, parse_url


def test_a_url_is_taken_apart_once():
    assert parse_url("https://Example.COM:8443/hooks/../a?b=c&d=%20") == ParsedUrl(
        text="https://example.com:8443/hooks/../a?b=c&d=%20",
        scheme="https",
        host="example.com",
        port=8443,
        path="/hooks/../a?b=c&d=%20",
        host_and_port="example.com:8443",
        literal=None,
    )


@pytest.mark.parametrize(
    ("text", "canonical", "host_and_port"),
    [
        ("http://a.test", "http://a.test/", "a.test:80"),
        ("HTTPS://A.test:443/", "https://a.test/", "a.test:443"),
        ("http://a.test:443/", "http://a.test:443/", "a.test:443"),
        ("http://a.test?b", "http://a.test/?b", "a.test:80"),
        ("http://a.test/?", "http://a.test/?", "a.test:80"),
        ("http://a.test/ü?é=|", "http://a.test/%C3%BC?%C3%A9=%7C", "a.test:80"),
        ("http://a.test/%zz", "http://a.test/%zz", "a.test:80"),
        ("http://8.8.8.8:1/", "http://8.8.8.8:1/", "8.8.8.8:1"),
        ("http://[2606:4700:0:0::1]/", "http://[2606:4700::1]/", "[2606:4700::1]:80"),
        ("http://[2606:4700::1]:65535/", "http://[2606:4700::1]:65535/", "[2606:4700::1]:65535"),
        ("http://my_service:8080/", "http://my_service:8080/", "my_service:8080"),
        ("http://localhost/", "http://localhost/", "localhost:80"),
        ("https://xn--mnchen-3ya.test/", "https://xn--mnchen-3ya.test/", "xn--mnchen-3ya.test:443"),
        ("http://1.example/", "http://1.example/", "1.example:80"),
        ("http://0x7f.example/", "http://0x7f.example/", "0x7f.example:80"),
    ],
)
def test_a_fit_url_has_one_spelling(text: str, canonical: str, host_and_port: str):
    url = parse_url(text)
    assert (url.text, url.host_and_port) == (canonical, host_and_port)
    assert parse_url(url.text) == url


def test_a_host_that_is_an_address_is_known_as_one():
    assert parse_url("http://8.8.8.8/").literal == ip_address("8.8.8.8")
    assert parse_url("http://[2606:4700::1]/").literal == ip_address("2606:4700::1")
    assert parse_url("http://[2606:4700::1]/").host == "2606:4700::1"
    assert parse_url("http://a.test/").literal is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "must begin with https"),
        ("a.test/hook", "must begin with https"),
        ("//a.test/", "must begin with https"),
        ("ftp://a.test/", "must begin with https"),
        ("file:///etc/passwd", "must begin with https"),
        ("gopher://a.test/", "must begin with https"),
        ("http:a.test/", "must begin with https"),
        ("http:/a.test/", "must begin with https"),
        ("javascript:alert(1)", "must begin with https"),
        ("http://user:password@a.test/", "user name or password"),
        ("http://user@a.test/", "user name or password"),
        ("http://a.test@127.0.0.1/", "user name or password"),
        ("http://@a.test/", "user name or password"),
        ("http://", "no host"),
        ("http:///path", "no host"),
        ("http://:80/", "no host"),
        ("http://?a", "no host"),
        ("http://a.test./", "ends with a dot"),
        ("http://127.0.0.1./", "ends with a dot"),
        ("http://a..test/", "not a name"),
        ("http://.a.test/", "not a name"),
        ("http://-a.test/", "not a name"),
        ("http://a-.test/", "not a name"),
        ("http://a*.test/", "not a name"),
        ("http://a%2etest/", "not a name"),
        ("http://%31%32%37.0.0.1/", "not a name"),
        ("http://a,b.test/", "not a name"),
        (f"http://{'a' * 64}.test/", "not a name"),
        (f"http://{'a.' * 130}test/", "not a name"),
        ("http://2130706433/", "looks like a number"),
        ("http://0x7f.1/", "looks like a number"),
        ("http://127.1/", "looks like a number"),
        ("http://0177.0.0.1/", "looks like a number"),
        ("http://0/", "looks like a number"),
        ("http://0x7f000001/", "looks like a number"),
        ("http://0X7F000001/", "looks like a number"),
        ("http://017700000001/", "looks like a number"),
        ("http://127.0.0.0x1/", "looks like a number"),
        ("http://127.0.0.01/", "looks like a number"),
        ("http://1.2.3.4.5/", "looks like a number"),
        ("http://256.1.1.1/", "looks like a number"),
        ("http://example.1/", "looks like a number"),
        ("http://127。0。0。1/", "not ASCII"),
        ("http://１２７.0.0.1/", "not ASCII"),
        ("http://ⓛocalhost/", "not ASCII"),
        ("http://münchen.test/", "not ASCII"),
        ("http://a.test:٨٠/", "not ASCII"),
        ("http://[::1%25eth0]/", "zone id"),
        ("http://[fe80::1%eth0]/", "zone id"),
        ("http://[::1/", "not an IPv6 address in brackets"),
        ("http://[::1]a/", "not an IPv6 address in brackets"),
        ("http://[::1].test/", "not an IPv6 address in brackets"),
        ("http://[127.0.0.1]/", "not an IPv6 address"),
        ("http://[v1.fe80]/", "not an IPv6 address"),
        ("http://[]/", "not an IPv6 address"),
        ("http://[::ffff:8.8.8.8]/", "stands for an IPv4 address"),
        ("http://[::ffff:808:808]/", "stands for an IPv4 address"),
        ("http://[::8.8.8.8]/", "stands for an IPv4 address"),
        ("http://[::127.0.0.1]/", "stands for an IPv4 address"),
        ("http://::1/", "must stand in brackets"),
        ("http://a.test:80:90/", "must stand in brackets"),
        ("http://a.test:/", "port is missing"),
        ("http://a.test:0/", "not a number from 1 to 65535"),
        ("http://a.test:65536/", "not a number from 1 to 65535"),
        ("http://a.test:080/", "not a number from 1 to 65535"),
        ("http://a.test:+80/", "not a number from 1 to 65535"),
        ("http://a.test:http/", "not a number from 1 to 65535"),
        ("http://a.test:999999999999999999999/", "not a number from 1 to 65535"),
        (" http://a.test/", "white space"),
        ("http://a.test/ ", "white space"),
        ("http://a.test/a b", "white space"),
        ("http://a.test/\n", "white space"),
        ("http://a.te\tst/", "white space"),
        ("http://a.test/\r\nHost: b", "white space"),
        ("http://a.test/\u00a0", "white space"),
        ("http://a.test/\x00", "invisible character"),
        ("http://a.test/\x7f", "invisible character"),
        ("http://a.test/\u200b", "invisible character"),
        ("http://a\u00ad.test/", "invisible character"),
        ("http://a.test/\ud800", "invisible character"),
        ("http://a.test\\@b.test/", "backslash"),
        ("http:\\\\a.test/", "backslash"),
        ("http://a.test/\\", "backslash"),
        ("http://a.test/#fragment", "fragment"),
        ("http://a.test#@b.test/", "fragment"),
        (f"http://a.test/{'a' * 2_048}", "longer than 2048"),
    ],
)
def test_an_unfit_url_is_refused_with_its_fault(text: str, fault: str):
    with pytest.raises(UrlRefused, match=fault):
        parse_url(text)


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda rest: f"http://{rest}"))
@example("http://[::ffff:1.2.3.4]/")
def test_any_text_is_either_refused_or_has_a_canonical_spelling_that_is_plain_ascii(text: str):
    try:
        url = parse_url(text)
    except UrlRefused:
        return
    assert url.text.isascii()
    assert url.text.isprintable()
    assert " " not in url.text
    assert url.path.startswith("/")
    assert parse_url(url.text) == url
