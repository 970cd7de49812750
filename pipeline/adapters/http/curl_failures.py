"""libcurl's error codes, mapped to the family of failures."""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

import pycurl

from pipeline.adapters.http.exchange import (
    Blocked,
    Fault,
    Phases,
    SendFailed,
    TimedOut,
    Unreachable,
)

CLOSED = -1
"""Not one of libcurl's: the client was closed while the transfer was under way."""
E_TOO_LARGE = 100
"""CURLE_TOO_LARGE, which pycurl has no name for."""

_TLS = frozenset(
    {
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CIPHER,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_SSL_CRL_BADFILE,
        pycurl.E_SSL_INVALIDCERTSTATUS,
        pycurl.E_SSL_PINNEDPUBKEYNOTMATCH,
        pycurl.E_SSL_SHUTDOWN_FAILED,
        pycurl.E_SSL_ENGINE_INITFAILED,
        pycurl.E_USE_SSL_FAILED,
    }
)
_PROTOCOL = frozenset(
    {
        pycurl.E_UNSUPPORTED_PROTOCOL,
        pycurl.E_FTP_WEIRD_SERVER_REPLY,
        pycurl.E_BAD_CONTENT_ENCODING,
        E_TOO_LARGE,
    }
)
_PROTOCOL_WORDS = ("headers", "chunk")
"""libcurl gives faults in these the code of a broken connection."""
_RESET = {
    pycurl.E_GOT_NOTHING: "the connection was closed without an answer",
    pycurl.E_PARTIAL_FILE: "the connection was closed in the middle of the answer",
    pycurl.E_SEND_ERROR: "the connection broke while the request was sent",
    pycurl.E_RECV_ERROR: "the connection broke while the answer was read",
}
_OUR_OWN_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EADDRNOTAVAIL})
_MAX_TEXT_CHARACTERS = 300


class Report(NamedTuple):
    """What libcurl says of a transfer that failed."""

    code: int
    text: str
    system_error: int
    status: int
    has_tunnel: bool
    """False where an egress proxy was asked for a tunnel and gave none."""
    address: str | None
    refused_address: str | None
    timeout_ms: int
    phases: Phases


def failure_of(report: Report) -> SendFailed:
    """The failure that libcurl's report amounts to."""
    if report.code == CLOSED:
        return Unreachable(report.text, fault=Fault.CLOSED, phases=report.phases)
    if report.refused_address is not None:
        text = f"{report.refused_address} was about to be dialled without having been vetted"
        return Blocked(text, address=report.refused_address)
    if report.code == pycurl.E_OPERATION_TIMEDOUT:
        return TimedOut(_where_time_ran_out(report), address=report.address, phases=report.phases)
    fault, text = _fault_and_text(report)
    return Unreachable(text, fault=fault, address=report.address, phases=report.phases)


def _fault_and_text(report: Report) -> tuple[Fault, str]:
    code, text = report.code, _shortened(report.text)
    if not report.has_tunnel:
        return Fault.PROXY, "the egress proxy made no connection"
    if code == pycurl.E_COULDNT_CONNECT:
        return _connect_fault(report.system_error)
    if code in _PROTOCOL or (code == pycurl.E_RECV_ERROR and _is_about_protocol(text)):
        return Fault.PROTOCOL, f"the answer is not valid HTTP/1: {text or 'a line is too long'}"
    if code in _RESET:
        return Fault.RESET, _RESET[code]
    if code in _TLS:
        return Fault.TLS, f"TLS: {text}"
    return Fault.OTHER, f"{text} (libcurl {code})"


def _is_about_protocol(text: str) -> bool:
    return any(word in text for word in _PROTOCOL_WORDS)


def _connect_fault(system_error: int) -> tuple[Fault, str]:
    if system_error == errno.ECONNREFUSED:
        return Fault.REFUSED, "the connection was refused"
    if system_error == errno.ECONNRESET:
        return Fault.RESET, "the connection was reset while it was made"
    reason = os.strerror(system_error) if system_error else "no reason given"
    fault = Fault.OTHER if system_error in _OUR_OWN_ERRORS else Fault.NETWORK
    return fault, f"no connection could be made: {reason}"


def _where_time_ran_out(report: Report) -> str:
    phases = report.phases
    if report.status:
        where = f"in the middle of the answer (status {report.status})"
    elif not phases.connect_ms and report.address is None:
        where = "before a connection was made"
    else:
        where = "before an answer came"
    return f"no complete answer within {report.timeout_ms} ms: the time ran out {where}"


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_CHARACTERS else f"{text[:_MAX_TEXT_CHARACTERS]}..."
