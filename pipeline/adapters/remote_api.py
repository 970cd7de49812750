"""Asks a pipeline's HTTP API, and reads what it answers, problems included."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import httpx
import msgspec

_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 20.0
"""The API gives up on Kafka after 10 s, and says so."""
_MOST_ANSWER_BYTES: Final = 32 * 1024 * 1024
_USER_AGENT: Final = "webhook-pipeline-client"
_FIRST_REFUSAL: Final = 300
# A proxy of the surroundings is for what lies outside.
_DIRECT: Final = ("all://127.0.0.1", "all://localhost")
_JSON: Final = "application/json"
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class UnusableAddress(ValueError):
    """The address or the key cannot be used; the text says which and why."""


class ApiUnreachable(Exception):
    """There is no answer; the text says whose and why."""

    def __init__(self, reason: str, *, was_sent: bool) -> None:
        super().__init__(reason)
        self.was_sent = was_sent
        """False: the API has certainly not seen the request."""


class ApiRequest(NamedTuple):
    """What is asked."""

    method: str
    path: str
    """With its query, from `/v1` on."""
    content: bytes | None = None
    headers: Mapping[str, str] = _NO_HEADERS


class FieldProblem(msgspec.Struct, frozen=True):
    """One bad field."""

    pointer: str = ""
    detail: str = ""


class ApiProblem(msgspec.Struct, frozen=True):
    """Why a request was refused (RFC 9457)."""

    title: str = ""
    detail: str = ""
    type: str = ""
    errors: tuple[FieldProblem, ...] = ()


class Answer(NamedTuple):
    """What the API said."""

    status: int
    body: bytes
    retry_after: str | None = None

    @property
    def is_refusal(self) -> bool:
        return self.status >= _FIRST_REFUSAL

    @property
    def problem(self) -> ApiProblem:
        """What a refusal says; empty where it says nothing that can be read."""
        try:
            return msgspec.json.decode(self.body, type=ApiProblem)
        except msgspec.MsgspecError:
            return ApiProblem()


class RemoteApi:
    """Keeps its connections; used by any thread. Never follows a redirect: the key stays here.

    Raises:
        UnusableAddress: the address is no http or https URL, or the key no key.
    """

    def __init__(self, address: str, key: str, *, answer_seconds: float = _ANSWER_SECONDS) -> None:
        if not key or not key.isascii() or not key.isprintable():
            raise UnusableAddress("the API key is empty or contains what no key does")
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL as exc:
            raise UnusableAddress(f"{address!a}: {exc}") from exc
        if url.scheme not in {"http", "https"} or not url.host:
            raise UnusableAddress(f"{address!a}: not the address of an API: http://host:port")
        self.address = str(url).rstrip("/")
        self._client = httpx.Client(
            base_url=url,
            headers={
                "Authorization": f"Bearer {key}",
                "User-Agent": _USER_AGENT,
                "Accept": f"{_JSON}, application/problem+json",
            },
            timeout=httpx.Timeout(answer_seconds, connect=min(_CONNECT_SECONDS, answer_seconds)),
            mounts=dict.fromkeys(_DIRECT),
        )

    def ask(self, request: ApiRequest) -> Answer:
        """One request, tried once.

        Raises:
            ApiUnreachable: there is no whole answer.
        """
        headers = {
            **({} if request.content is None else {"Content-Type": _JSON}),
            **request.headers,
        }
        try:
            with self._client.stream(
                request.method, request.path, content=request.content, headers=headers
            ) as response:
                body = self._body_of(response)
                return Answer(response.status_code, body, response.headers.get("retry-after"))
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            raise ApiUnreachable(f"{self.address}: {exc}", was_sent=False) from exc
        except httpx.TimeoutException as exc:
            raise ApiUnreachable(f"{self.address}: no answer in time", was_sent=True) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise ApiUnreachable(f"{self.address}: {exc}", was_sent=True) from exc

    def close(self) -> None:
        self._client.close()

    def _body_of(self, response: httpx.Response) -> bytes:
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > _MOST_ANSWER_BYTES:
                raise ApiUnreachable(f"{self.address}: the answer does not end", was_sent=True)
        return bytes(body)
