"""What is to be sent to the API: from a file, and from options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, cast

import msgspec
import typer

from pipeline.adapters.endpoint_file import EndpointFile, EndpointFileError, read_endpoint_file
from pipeline.cli.endings import BadInput

FileOption = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="Fields in YAML or JSON; - is standard input."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Any field; the value is JSON, or text where it is none; null is the default again.",
    ),
]

_STDIN: Final = Path("/dev/stdin")
_OBJECT: Final = "not an object: write fields and their values"


def document_of(
    file: EndpointFile | None, sets: Sequence[str] | None, **options: object
) -> dict[str, Any]:
    """The fields of a file, then those of `--set`, then those of options that were given.

    Raises:
        BadInput: the file holds no fields, or a `--set` is none.
    """
    document: dict[str, Any] = {} if file is None else fields_of(file)
    for text in sets or ():
        name, has_value, value = text.partition("=")
        if not has_value or not name:
            raise BadInput(f"--set {text}: write FIELD=VALUE, such as timeout=10s")
        document[name] = value_of(value)
    return {**document, **{name: value for name, value in options.items() if value is not None}}


def given_file(path: Path | None) -> EndpointFile | None:
    """The file of `--file`, read. Raises BadInput."""
    if path is None:
        return None
    try:
        return read_endpoint_file(_STDIN if str(path) == "-" else path)
    except EndpointFileError as exc:
        raise BadInput(*exc.lines) from exc


def needed_file(path: Path) -> EndpointFile:
    """As `given_file`, of an argument."""
    file = given_file(path)
    assert file is not None  # noqa: S101 - there was a path
    return file


def fields_of(file: EndpointFile) -> dict[str, Any]:
    """Raises BadInput: it holds something else than fields."""
    document = file.document
    if not isinstance(document, dict):
        raise BadInput(f"{file.path}: {_OBJECT}")
    return dict(cast("dict[str, Any]", document))


def value_of(text: str) -> object:
    """A value of JSON; what is none is text."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def changed(document: dict[str, Any]) -> dict[str, Any]:
    """A document that changes something. Raises BadInput."""
    if not document:
        raise BadInput("nothing is to be changed: give --set FIELD=VALUE, --file or an option")
    return document
