"""libcurl must read our URLs as we do: where they differ, a check could be talked round."""

from __future__ import annotations

from typing import Any

import pycurl
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.domain.urls import UrlRefused, parse_url

PYCURL: Any = pycurl
"""The types that checkers know of pycurl are older than its URLs."""
ODD = st.text(alphabet="aA0.:/?#@[]\\%&=x127-_~ é。\x00\t|{}", max_size=30)
HOSTS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,20}", fullmatch=True),
)
URLS = st.one_of(
    ODD.map(lambda rest: f"http://{rest}"),
    st.tuples(HOSTS, ODD).map("https://%s/%s".__mod__),
    st.tuples(HOSTS, st.integers(0, 70_000)).map("http://%s:%d".__mod__),
)


@given(URLS)
@example("http://1.2.3.4.example/")
@example("http://a.test/..//./%2e%2e?x=/../")
@example("http://[::ffff:1.2.3.4]/")
@example("http://0x7f.example/")
def test_libcurl_finds_the_same_host_port_and_path(text: str):
    try:
        url = parse_url(text)
    except UrlRefused:
        return
    curl = PYCURL.CurlUrl(url.text, PYCURL.U_PATH_AS_IS)
    assert curl.host.strip("[]") == url.host
    assert int(curl.getpart(PYCURL.UPART_PORT, PYCURL.U_DEFAULT_PORT)) == url.port
    assert (curl.user, curl.password, curl.zoneid, curl.fragment) == (None, None, None, None)
    query = "" if curl.query is None else f"?{curl.query}"
    assert curl.path + query == url.path.removesuffix("?")
