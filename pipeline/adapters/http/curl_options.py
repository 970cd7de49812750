"""How every libcurl handle is set up, whatever it will send."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pycurl

from pipeline.adapters.http.egress import EgressProxy

UPLOAD_BUFFER_BYTES = 16_384
"""The least there is. A handle keeps it for life, and a busy process has a thousand: each takes
22 KB so, and with libcurl's own 52."""


class HandleSettings(NamedTuple):
    """What is the same for every handle of a client."""

    authorities: Path
    idle_seconds: int
    lifetime_seconds: int
    proxy: EgressProxy | None


def _refuse_lookup(*_: object) -> int:
    """libcurl looks no name up: what is not in its table was not vetted."""
    return 1


def constant_options(settings: HandleSettings) -> list[tuple[int, object]]:
    """Options with their values, to be set once."""
    options: list[tuple[int, object]] = [
        (pycurl.NOSIGNAL, 1),
        (pycurl.POST, 1),
        (pycurl.UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
        (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
        (pycurl.HTTP09_ALLOWED, 0),
        (pycurl.HTTP_CONTENT_DECODING, 0),
        (pycurl.FOLLOWLOCATION, 0),
        (pycurl.PATH_AS_IS, 1),
        (pycurl.USERAGENT, ""),
        (pycurl.NETRC, pycurl.NETRC_IGNORED),
        (pycurl.DNS_CACHE_TIMEOUT, -1),
        (pycurl.RESOLVER_START_FUNCTION, _refuse_lookup),
        (pycurl.MAXAGE_CONN, settings.idle_seconds),
        (pycurl.MAXLIFETIME_CONN, settings.lifetime_seconds),
        (pycurl.SSL_VERIFYPEER, 1),
        (pycurl.SSL_VERIFYHOST, 2),
        (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
        (pycurl.CAINFO, str(settings.authorities)),
    ]
    if settings.proxy is None:
        options += [(pycurl.PROXY, ""), (pycurl.NOPROXY, "*")]
    else:
        options += [
            (pycurl.PROXY, settings.proxy.url),
            (pycurl.NOPROXY, ""),
            (pycurl.HTTPPROXYTUNNEL, 1),
            (pycurl.PROXY_CAINFO, str(settings.authorities)),
        ]
    return options
