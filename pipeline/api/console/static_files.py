"""Style sheet, scripts and icon: read once, named by their content, kept by browsers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from pipeline.api.problems import not_found

FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_A_YEAR: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    version: str


class StaticFiles:
    """All of them, in memory."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files: Mapping[str, _File] = {
            path.name: _read(path) for path in folder.iterdir() if path.suffix in _TYPES
        }

    def url(self, name: str) -> str:
        """Another one as soon as the content is."""
        return f"/static/{name}?v={self._files[name].version}"

    async def answer(self, request: Request) -> Response:
        """Raises Problem (404)."""
        file = self._files.get(request.path_params["name"])
        if file is None:
            raise not_found("There is no such file.")
        is_named = request.query_params.get("v") == file.version
        headers = {"Cache-Control": _FOR_A_YEAR if is_named else "no-cache"}
        return Response(file.content, headers=headers, media_type=file.media_type)


def _read(path: Path) -> _File:
    content = path.read_bytes()
    return _File(content, _TYPES[path.suffix], sha256(content).hexdigest()[:16])
