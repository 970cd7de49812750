"""Files of endpoints: what of YAML is taken, where errors are, and that no file can do harm."""

from pathlib import Path

import pytest

from pipeline.adapters.endpoint_file import (
    MAX_DEPTH,
    MAX_FILE_BYTES,
    EndpointFile,
    EndpointFileError,
    read_endpoint_file,
)
from pipeline.domain.document import DocumentError


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "endpoints.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(folder: Path, text: str | bytes) -> EndpointFile:
    return read_endpoint_file(written(folder, text))


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(EndpointFileError) as refused:
        read(folder, text)
    return str(refused.value).removeprefix(f"{folder / 'endpoints.yaml'}:")


EXAMPLE = """\
accounts:
  - id: acme
    endpoints:
      - &first
        id: crm
        url: https://example.com/hook
        event_types:
          - person.*
          - "*.created"
        headers: {X-Env: prod}

      - <<: *first
        id: second
        retry: {delays: [5s,
          1m]}
"""


def test_a_file_is_read_as_plain_values(tmp_path: Path):
    first = {
        "id": "crm",
        "url": "https://example.com/hook",
        "event_types": ["person.*", "*.created"],
        "headers": {"X-Env": "prod"},
    }
    assert read(tmp_path, EXAMPLE).document == {
        "accounts": [
            {
                "id": "acme",
                "endpoints": [first, {**first, "id": "second", "retry": {"delays": ["5s", "1m"]}}],
            }
        ]
    }


def test_dates_stay_text(tmp_path: Path):
    assert read(tmp_path, "a: 2024-01-01\nb: 2024-13-45\n").document == {
        "a": "2024-01-01",
        "b": "2024-13-45",
    }


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("", 1),
        ("/accounts", 1),
        ("/accounts/0", 2),
        ("/accounts/0/id", 2),
        ("/accounts/0/nothing/at/all", 2),
        ("/accounts/0/endpoints/0", 4),
        ("/accounts/0/endpoints/0/url", 6),
        ("/accounts/0/endpoints/0/event_types/1", 9),
        ("/accounts/0/endpoints/0/headers/X-Env", 10),
        ("/accounts/0/endpoints/1", 12),
        ("/accounts/0/endpoints/1/url", 12),
        ("/accounts/0/endpoints/1/id", 13),
        ("/accounts/0/endpoints/1/retry/delays/1", 15),
    ],
)
def test_an_error_has_the_line_of_what_it_speaks_of(tmp_path: Path, pointer: str, line: int):
    file = read(tmp_path, EXAMPLE)
    error = file.error([DocumentError(pointer, "wrong")])
    place = f"{tmp_path / 'endpoints.yaml'}:{line}: "
    assert str(error) == place + str(DocumentError(pointer, "wrong"))


def test_many_errors_are_cut_short_and_counted(tmp_path: Path):
    file = read(tmp_path, EXAMPLE)
    error = file.error([DocumentError("/accounts", f"wrong {n}") for n in range(60)])
    assert len(error.lines) == 51
    assert error.lines[0].endswith(":1: accounts: wrong 0")
    assert error.lines[-1].endswith(": and 10 more")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "3: 'a' is given twice: leave one of them out"),
        ("x: {a: 1, b: {c: 1, c: 2}}", "1: 'c' is given twice"),
        ("x:\n  - on: 1\n", "2: the name 'on' is not text here: put it in quotes"),
        ("1: x\n", "1: the name '1' is not text here: put it in quotes"),
        ("? [a]\n: x\n", "1: a name must be a text"),
        ("x: &a y\n*a : z\n", "2: a name must be a text"),
        ("x: !!python/object/apply:os.system [ls]\n", "1: the tag 'tag:yaml.org,2002:python/obje"),
        ("x: !!binary aGk=\n", "1: the tag 'tag:yaml.org,2002:binary' is not used here"),
        ("x: !mine {}\n", "1: the tag '!mine' is not used here: leave it out"),
        ("a: &a\n  b: *a\n", "2: *a would contain itself: write out what is meant"),
        ("a: *nothing\n", "1: *nothing stands for nothing: write &nothing before its value"),
        ("a: [1\nb: 2\n", "2: not YAML: "),
        ("a: b: c\n", "1: not YAML: mapping values are not allowed"),
        ("a: 1\n---\nb: 2\n", "2: not YAML: expected a single document in the stream"),
        ("a: \x00\n", " not YAML: "),
        (b"a: \xff\xfe\n", " not YAML: "),
        ("a: " + "9" * 5_000, "1: a number of so many digits must be put in quotes"),
        ("a: 0b_\n", " not YAML: "),
        ("[" * (MAX_DEPTH + 1), "1: nested too deep: at most 64 levels"),
        ("{a: " * 100_000, "1: nested too deep: at most 64 levels"),
        ("- " * 100_000, "1: nested too deep: at most 64 levels"),
    ],
)
def test_what_is_not_taken_is_refused_with_its_line(
    tmp_path: Path, text: str | bytes, message: str
):
    assert refusal(tmp_path, text).startswith(message)


def test_aliases_that_multiply_are_refused_before_they_are_expanded(tmp_path: Path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "too many values, aliases counted: at most 1000000" in refusal(
        tmp_path, "\n".join(lines)
    )


def test_merged_aliases_that_multiply_are_refused_too(tmp_path: Path):
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 10)]
    assert "too many values" in refusal(tmp_path, "\n".join(lines))


def test_aliases_that_only_nest_are_refused_at_the_same_depth(tmp_path: Path):
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200))]
    assert "nested too deep" in refusal(tmp_path, "\n".join(lines))


def test_a_file_that_is_too_long_is_not_read_to_its_end(tmp_path: Path):
    path = tmp_path / "endpoints.yaml"
    with path.open("wb") as file:
        file.truncate(10 * MAX_FILE_BYTES)
    with pytest.raises(EndpointFileError, match="too long: at most 10485760 bytes, split it"):
        read_endpoint_file(path)


def test_a_file_that_is_not_there_or_is_none_is_named(tmp_path: Path):
    with pytest.raises(EndpointFileError, match=r"nowhere\.yaml: No such file"):
        read_endpoint_file(tmp_path / "nowhere.yaml")
    with pytest.raises(EndpointFileError, match="Is a directory"):
        read_endpoint_file(tmp_path)


def test_no_error_of_yaml_quotes_what_may_be_secret(tmp_path: Path):
    for text in ("secret: topsecret: x\n", "secret: [topsecret\n", "secret: 'topsecret\n"):
        assert "topsecret" not in refusal(tmp_path, text)


def test_a_long_file_has_its_errors_placed_like_a_short_one(tmp_path: Path):
    endpoints = "".join(
        f"      - {{id: e{n}, url: 'https://example.com/{n}', event_types: ['a.*', b.c]}}\n"
        for n in range(2_000)
    )
    file = read(tmp_path, f"accounts:\n  - id: a\n    endpoints:\n{endpoints}")
    error = file.error([DocumentError("/accounts/0/endpoints/1999/url", "wrong")])
    assert ":2003: " in str(error)
