"""One libcurl handle: set up once, used for one request after another."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NamedTuple, Protocol

import pycurl

from pipeline.adapters.http.curl_failures import Report, failure_of
from pipeline.adapters.http.curl_options import (
    UPLOAD_BUFFER_BYTES,
    HandleSettings,
    constant_options,
)
from pipeline.adapters.http.egress import in_brackets
from pipeline.adapters.http.exchange import (
    Answer,
    ClientCertificate,
    Phases,
    PreparedRequest,
    SendFailed,
    final_head,
)

DISCARDED_BODY_BYTES = 65_536
"""How much more than what is kept is read, so that the connection can be used again."""
_LARGE_BODY_BYTES = 16_384
"""An idle handle does not hold on to a larger body, nor to the buffer that it is sent through."""
_LARGE_BODYS_BUFFER = 65_536
"""libcurl's own: 200 KB cost 110 us, and through one of 16 KiB 190."""
_NOT_SENT = [b"Accept:", b"Content-Type:", b"Expect:"]
"""What libcurl would add of itself; a header of that name with a value is sent nevertheless."""
_TUNNEL_MADE = 200
_NO_ADDRESSES: frozenset[str] = frozenset()


class Easy(Protocol):
    """What is used of pycurl's handle, which comes without types."""

    def setopt(self, option: int, value: object, /) -> None: ...

    def unsetopt(self, option: int, /) -> None: ...

    def getinfo(self, what: int, /) -> Any: ...  # noqa: ANN401 - int, float or str, by `what`

    def close(self) -> None: ...


class SocketAddress(Protocol):
    """An address that libcurl is about to dial."""

    family: int
    socktype: int
    protocol: int
    addr: tuple[Any, ...]


class Dialling(NamedTuple):
    """Which addresses a request may dial, and how libcurl is told."""

    permitted: frozenset[str]
    """In canonical spelling: checked again when a socket is opened."""
    to_load: list[str] | None
    """Entries for libcurl's table of names; None where they are in it already."""
    tunnel_to: str | None = None
    """With a proxy, and then always: the address that it shall connect to."""


class HandedSocket:
    """A new socket that libcurl copies: this one is closed when libcurl lets go of it."""

    __slots__ = ("_socket",)

    def __init__(self, family: int, kind: int, protocol: int) -> None:
        self._socket = socket.socket(family, kind, protocol)

    def fileno(self) -> int:
        return self._socket.fileno()

    def __del__(self) -> None:
        if hasattr(self, "_socket"):  # not where no socket could be made
            self._socket.close()


class CurlExchange:
    """One request at a time: `prepare`, a transfer, `answer` or `failure`, `clear`."""

    __slots__ = (
        "_allowed_ms",
        "_body",
        "_certificate",
        "_has_new_connection",
        "_holds_large_body",
        "_is_cut_off",
        "_kept_bytes",
        "_lines",
        "_method",
        "_on_socket_opened",
        "_permitted",
        "_received_bytes",
        "_refused_address",
        "_socket_error",
        "_timeout_ms",
        "_tunnel_to",
        "_url",
        "easy",
    )

    def __init__(self, settings: HandleSettings, on_socket_opened: Callable[[int], None]) -> None:
        self._on_socket_opened = on_socket_opened
        self._lines: list[bytes] = []
        self._body: list[bytes] = []
        self._received_bytes = 0
        self._kept_bytes = 0
        self._is_cut_off = False
        self._holds_large_body = False
        self._has_new_connection = False
        self._url = ""
        self._method = "POST"
        self._timeout_ms = 0
        self._allowed_ms = 0
        self._certificate: ClientCertificate | None = None
        self._permitted = _NO_ADDRESSES
        self._refused_address: str | None = None
        self._socket_error = 0
        self._tunnel_to: str | None = None
        self.easy: Easy = pycurl.Curl()
        for option, value in constant_options(settings):
            self.easy.setopt(option, value)
        self.easy.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        self.easy.setopt(pycurl.WRITEFUNCTION, self._take_body)
        self.easy.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        self.easy.setopt(pycurl.SOCKOPTFUNCTION, self._set_up_socket)

    def prepare(self, request: PreparedRequest, dialling: Dialling, timeout_ms: int) -> None:
        """Set what differs from the request before."""
        setopt = self.easy.setopt
        if request.url.text is not self._url:
            self._url = request.url.text
            setopt(pycurl.URL, self._url)
        if timeout_ms != self._timeout_ms:
            self._timeout_ms = timeout_ms
            setopt(pycurl.TIMEOUT_MS, timeout_ms)
        setopt(pycurl.HTTPHEADER, request.header_lines + _NOT_SENT)
        if request.method != "POST" or self._method != "POST":
            self._set_method(request)
        if request.method == "POST" or request.body:
            self._set_body(request.body)
        if request.client_certificate is not self._certificate:
            self._set_certificate(request.client_certificate)
        if dialling.to_load is not None:
            setopt(pycurl.RESOLVE, dialling.to_load)
        if dialling.tunnel_to is not None and dialling.tunnel_to != self._tunnel_to:
            self._tunnel_to = dialling.tunnel_to
            setopt(pycurl.CONNECT_TO, [f"::{in_brackets(self._tunnel_to)}:"])
        self._allowed_ms = request.timeout_ms
        self._permitted = dialling.permitted
        self._kept_bytes = request.kept_body_bytes

    def code(self, code: int) -> int:
        """libcurl's code, corrected: what it and we take for a whole answer differs.

        It takes a head that breaks off for an answer, and a body that was cut off here for none.
        """
        if code == pycurl.E_WRITE_ERROR and self._is_cut_off:
            return pycurl.E_OK
        if code == pycurl.E_OK and self._lines[-1] != b"\r\n" and final_head(self._lines) is None:
            return pycurl.E_PARTIAL_FILE
        return code

    def status(self) -> int:
        """The answer's, after a transfer that ended well."""
        return self.easy.getinfo(pycurl.RESPONSE_CODE)

    def total_ms(self, dns_ms: float) -> float:
        """How long the transfer took, with the lookup before it."""
        return dns_ms + self.easy.getinfo(pycurl.TOTAL_TIME_T) / 1000

    def answer(self, dns_ms: float) -> Answer:
        """What came, after a transfer that ended well; `dns_ms` is added to the phases."""
        getinfo = self.easy.getinfo
        return Answer(
            self.status(),
            tuple(self._lines),
            b"".join(self._body),
            self._received_bytes > self._kept_bytes,
            self._phases(dns_ms),
            self._tunnel_to or getinfo(pycurl.PRIMARY_IP),
        )

    def failure(self, code: int, text: str, dns_ms: float) -> SendFailed:
        """Why the transfer failed with libcurl's `code`, corrected, and `text`."""
        getinfo = self.easy.getinfo
        return failure_of(
            Report(
                code=code,
                text=text,
                system_error=self._socket_error or getinfo(pycurl.OS_ERRNO),
                status=getinfo(pycurl.RESPONSE_CODE),
                has_tunnel=self._tunnel_to is None or self._was_tunnelled(),
                address=self._tunnel_to or getinfo(pycurl.PRIMARY_IP) or None,
                refused_address=self._refused_address,
                timeout_ms=self._allowed_ms,
                phases=self._phases(dns_ms),
            )
        )

    def clear(self) -> None:
        """Let go of the request and of what came."""
        if self._holds_large_body:
            self.easy.setopt(pycurl.POSTFIELDS, b"")
            self.easy.setopt(pycurl.UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES)
            self._holds_large_body = False
        self._body.clear()
        self._received_bytes = 0
        self._lines.clear()
        self._is_cut_off = False
        self._has_new_connection = False
        self._refused_address = None
        self._socket_error = 0
        self._permitted = _NO_ADDRESSES

    def close(self) -> None:
        """Free the handle."""
        self.easy.close()

    def _phases(self, dns_ms: float) -> Phases:
        getinfo = self.easy.getinfo
        first_us = getinfo(pycurl.STARTTRANSFER_TIME_T)
        total_ms = self.total_ms(dns_ms)
        if not self._has_new_connection:
            return Phases(dns_ms, 0.0, 0.0, first_us / 1000, total_ms)
        connected_us = getinfo(pycurl.CONNECT_TIME_T)
        secured_us = getinfo(pycurl.APPCONNECT_TIME_T)
        connect_us = max(connected_us - getinfo(pycurl.NAMELOOKUP_TIME_T), 0)
        tls_us = max(secured_us - connected_us, 0) if secured_us else 0
        ready_us = getinfo(pycurl.PRETRANSFER_TIME_T)
        first_byte_us = max(first_us - ready_us, 0) if first_us else 0
        return Phases(dns_ms, connect_us / 1000, tls_us / 1000, first_byte_us / 1000, total_ms)

    def _was_tunnelled(self) -> bool:
        status = self.easy.getinfo(pycurl.HTTP_CONNECTCODE)
        return status == _TUNNEL_MADE or not self._has_new_connection

    def _set_method(self, request: PreparedRequest) -> None:
        self._method = request.method
        if request.method == "HEAD":
            self.easy.setopt(pycurl.NOBODY, 1)
        else:
            self.easy.setopt(pycurl.NOBODY, 0)
            has_body = request.method == "POST" or bool(request.body)
            self.easy.setopt(pycurl.POST if has_body else pycurl.HTTPGET, 1)
        self.easy.setopt(pycurl.CUSTOMREQUEST, request.method)

    def _set_body(self, body: bytes) -> None:
        self.easy.setopt(pycurl.POSTFIELDS, body)
        if len(body) > _LARGE_BODY_BYTES:
            self._holds_large_body = True
            self.easy.setopt(pycurl.UPLOAD_BUFFERSIZE, _LARGE_BODYS_BUFFER)

    def _set_certificate(self, certificate: ClientCertificate | None) -> None:
        self._certificate = certificate
        if certificate is None:
            self.easy.unsetopt(pycurl.SSLCERT_BLOB)
            self.easy.unsetopt(pycurl.SSLKEY_BLOB)
        else:
            self.easy.setopt(pycurl.SSLCERT_BLOB, certificate.certificate)
            self.easy.setopt(pycurl.SSLKEY_BLOB, certificate.private_key)

    def _take_body(self, part: bytes) -> int:
        room = self._kept_bytes - self._received_bytes
        self._received_bytes += len(part)
        if room > 0:
            self._body.append(part[:room])
        elif room + DISCARDED_BODY_BYTES <= 0:
            self._is_cut_off = True
            return 0
        return len(part)

    def _open_socket(self, _purpose: int, address: SocketAddress) -> HandedSocket | int:
        """The last gate: the very address that is about to be dialled is checked."""
        dialled = str(ip_address(address.addr[0]))
        if dialled not in self._permitted:
            self._refused_address = dialled
            return pycurl.SOCKET_BAD
        try:
            return HandedSocket(address.family, address.socktype, address.protocol)
        except OSError as exc:
            self._socket_error = exc.errno or 0
            return pycurl.SOCKET_BAD

    def _set_up_socket(self, fd: int, _purpose: int) -> int:
        os.set_inheritable(fd, False)
        self._has_new_connection = True
        self._on_socket_opened(fd)
        return pycurl.SOCKOPT_OK
