"""JSON documents, however they stand in a file, are found with the line where they begin."""

from __future__ import annotations

from io import BytesIO

import pytest

from pipeline.cli.endings import BadInput
from pipeline.cli.event_files import MOST_LINE_BYTES, JsonDocument, documents_of


def documents(text: str | bytes) -> list[tuple[str, bytes]]:
    content = text.encode() if isinstance(text, str) else text
    found = documents_of(BytesIO(content), "f")
    return [(document.place, document.content) for document in found]


def refusal(text: str | bytes) -> str:
    with pytest.raises(BadInput) as refused:
        documents(text)
    (line,) = refused.value.lines
    return line


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', [("f:1", b'{"a": 1}')]),
        ('\n\n  {"a": 1}  \n', [("f:3", b'{"a": 1}')]),
        ('{"a": 1}\n\n{"b": 2}\n', [("f:1", b'{"a": 1}'), ("f:3", b'{"b": 2}')]),
        ('{\n"a": 1\n}\n{"b":\n2}', [("f:1", b'{\n"a": 1\n}'), ("f:4", b'{"b":\n2}')]),
        ('[{"a": 1}, {"b": 2}]', [("f:1", b'{"a": 1}'), ("f:1", b'{"b": 2}')]),
        ('[\n{"a": 1},\n\n{"b": 2}\n]\n', [("f:2", b'{"a": 1}'), ("f:4", b'{"b": 2}')]),
        ("[]", []),
        ("", []),
        ("\n \n", []),
    ],
)
def test_documents_are_found_with_their_lines(text: str, found: list[tuple[str, bytes]]):
    assert documents(text) == found


def test_numbers_and_texts_stay_as_they_are_written():
    assert documents('[{"n": 1.00, "big": 123456789012345678901234567890, "t": "\\u00e4"}]') == [
        ("f:1", b'{"n": 1.00, "big": 123456789012345678901234567890, "t": "\\u00e4"}')
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1,\n"b": }', "f:2: not JSON"),
        ('[{"a": 1}\n{"b": 2}]', "f:1: not JSON: a comma or ] is missing"),
        ('[{"a": 1},\n', "f:2: not JSON: the array does not end"),
        ('[{"a": 1}]\nrest', "f:2: not JSON: something follows the array"),
        ("hello", "f:1: not JSON"),
        (b"[\n\xff]", "f:2: not UTF-8"),
    ],
)
def test_what_is_not_json_is_refused_with_its_line(text: str | bytes, line: str):
    assert refusal(text).startswith(line)


def test_a_line_longer_than_any_event_is_refused():
    assert "f:2" in refusal(b'{"a": 1}\n"' + b"x" * MOST_LINE_BYTES + b'"')


def test_nesting_without_end_is_refused():
    assert "nested too deep" in refusal("[" * 100_000)


def test_a_document_on_a_line_is_there_before_the_next_line_has_come():
    stream = BytesIO(b'{"a": 1}\n{"b": 2}\n')
    first = next(iter(documents_of(stream, "f")))
    assert first == JsonDocument("f:1", b'{"a": 1}')
    assert stream.read() == b'{"b": 2}\n'
