"""The pipeline's HTTP API as commands call it: where it is, with which key, and what it refused."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any, Final, cast
from urllib.parse import quote, urlencode

import msgspec
import typer

from pipeline.adapters.endpoint_file import EndpointFile
from pipeline.adapters.remote_api import (
    Answer,
    ApiProblem,
    ApiRequest,
    ApiUnreachable,
    RemoteApi,
    UnusableAddress,
)
from pipeline.cli.endings import BadInput, CommandFailed
from pipeline.cli.loaded_settings import load_settings
from pipeline.domain.document import DocumentError
from pipeline.settings import Settings
from pipeline.supervisor.operator_key import operator_key_file

Fields = dict[str, Any]
"""An object of JSON."""

KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="An API key; PIPELINE_API__OPERATOR_KEY or the data folder's operator.key without it.",
        show_default=False,
    ),
]

_PAGE: Final = 500
_FIRST_SERVER_ERROR: Final = 500
_QUERY: Final = "#query/"
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not listened on


class Api:
    """Each call answers an object of JSON, or ends the command with why the API refused."""

    def __init__(self, remote: RemoteApi) -> None:
        self._remote = remote

    def get(self, path: str) -> Fields:
        return self._value(self.answer("GET", path), None)

    def content(self, path: str) -> bytes:
        """The bytes of what is no JSON of the API's own."""
        answer = self.answer("GET", path)
        if answer.is_refusal:
            self._value(answer, None)
        return answer.body

    def post(self, path: str, body: object = None, *, file: EndpointFile | None = None) -> Fields:
        return self._value(self.answer("POST", path, body), file)

    def put(self, path: str, body: object, *, file: EndpointFile | None = None) -> Fields:
        return self._value(self.answer("PUT", path, body), file)

    def patch(self, path: str, body: object, *, file: EndpointFile | None = None) -> Fields:
        return self._value(self.answer("PATCH", path, body), file)

    def delete(self, path: str) -> None:
        self._value(self.answer("DELETE", path), None)

    def put_or_post(
        self, path: str, replacing: object, creating: object, *, file: EndpointFile
    ) -> Fields:
        """Replace what is at a path, or create it in the collection above."""
        answer = self.answer("PUT", path, replacing)
        if answer.status == HTTPStatus.NOT_FOUND:
            answer = self.answer("POST", path.rpartition("/")[0], creating)
        return self._value(answer, file)

    def all_of(
        self, path: str, *, limit: int, query: Mapping[str, str] | None = None
    ) -> tuple[list[Fields], bool]:
        """Up to `limit` items of a list, over as many pages, and whether there are more."""
        items: list[Fields] = []
        asked = dict(query or {})
        while len(items) < limit:
            asked["limit"] = str(min(_PAGE, limit - len(items)))
            page = self.get(f"{path}?{urlencode(asked)}")
            items.extend(cast("list[Fields]", page["items"]))
            if page["next"] is None:
                return items, False
            asked["cursor"] = page["next"]
        return items, True

    def answer(self, method: str, path: str, body: object = None) -> Answer:
        """Whatever the API answers. Raises CommandFailed where it answers nothing."""
        content = None if body is None else msgspec.json.encode(body)
        try:
            return self._remote.ask(ApiRequest(method, path, content))
        except ApiUnreachable as exc:
            raise CommandFailed(
                f"{exc}; is the API running? PIPELINE_API__PUBLIC_URL says where it is"
            ) from exc

    def _value(self, answer: Answer, file: EndpointFile | None) -> Fields:
        if not answer.is_refusal:
            return msgspec.json.decode(answer.body, type=dict[str, Any]) if answer.body else {}
        lines = _lines_of(answer, file)
        if answer.status >= _FIRST_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise CommandFailed("; ".join(lines))
        raise BadInput(*lines)


@contextmanager
def api(key: str | None) -> Generator[Api]:
    """The API of the settings, called with this key or theirs.

    Raises:
        BadInput: there is no key, or the address is none.
    """
    settings = load_settings()
    try:
        remote = RemoteApi(address_of(settings), key or key_of(settings))
    except UnusableAddress as exc:
        raise BadInput(f"PIPELINE_API__...: {exc}") from exc
    try:
        yield Api(remote)
    finally:
        remote.close()


def at(*parts: str) -> str:
    """The path of a resource; what a part contains does not lead elsewhere."""
    empty = [part for part in parts if part in {"", ".", ".."}]
    if empty:
        raise BadInput(f"{empty[0]!r} is no id")
    return "/".join(("/v1", *(quote(part, safe="") for part in parts)))


def address_of(settings: Settings) -> str:
    """Where the API is, as the settings say."""
    if settings.api.public_url is not None:
        return settings.api.public_url
    host = "127.0.0.1" if settings.api.host in _EVERYWHERE else settings.api.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.api.port}"


def key_of(settings: Settings) -> str:
    """The operator's key of the settings, or of the data folder. Raises BadInput."""
    if settings.api.operator_key is not None:
        return settings.api.operator_key.get_secret_value()
    path = operator_key_file(settings.data_dir)
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError as exc:
        raise BadInput(
            "no API key: set PIPELINE_API__OPERATOR_KEY, give --key, or start `pipeline up`, "
            f"which makes {path}"
        ) from exc
    except (OSError, ValueError) as exc:
        raise BadInput(f"{path}: cannot be read: {exc}") from exc


def _lines_of(answer: Answer, file: EndpointFile | None) -> list[str]:
    problem = answer.problem
    if not problem.errors:
        return [f"{_said(answer, problem)} (HTTP {answer.status})"]
    found = [DocumentError(one.pointer.removeprefix(_QUERY), one.detail) for one in problem.errors]
    return [str(one) for one in found] if file is None else list(file.error(found).lines)


def _said(answer: Answer, problem: ApiProblem) -> str:
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return "the API does not take this key: it is none of its keys, revoked or expired"
    said = (problem.detail or problem.title or "the API refused this").rstrip(".")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS and answer.retry_after is not None:
        return f"{said}; try again after {answer.retry_after} s"
    return said
