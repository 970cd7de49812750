import pytest

from tests.architecture.checkout import ROOT, python_files
from tests.architecture.names import is_vague, is_vague_function, vague_definitions

FOLDERS = ("pipeline", "benchmarks")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_has_a_name_that_says_nothing(folder: str):
    paths = [path.relative_to(ROOT) for path in python_files(folder)]
    assert paths, "no files found: the test looks at the wrong place"
    assert [
        str(path) for path in paths if any(is_vague(part) for part in path.with_suffix("").parts)
    ] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_class_and_no_function_has_a_name_that_says_nothing(folder: str):
    assert [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in python_files(folder)
        for line, name in vague_definitions(path.read_text(encoding="utf-8"))
    ] == []


@pytest.mark.parametrize(
    "name",
    ["utils", "HTTPHelper", "StreamManager", "common_fields", "UserData", "data", "EndpointInfo"],
)
def test_a_vague_name_is_recognised(name: str):
    assert is_vague(name)


@pytest.mark.parametrize(
    "name",
    ["process_record", "_process_record", "process_data", "load_data", "endpoint_info", "a_helper"],
)
def test_a_vague_name_of_a_function_is_recognised(name: str):
    assert is_vague_function(name)


@pytest.mark.parametrize(
    "name", ["data_dir", "base_url", "database", "metadata", "informed", "__init__", "_"]
)
def test_a_telling_name_is_let_through(name: str):
    assert not is_vague(name)
    assert not is_vague_function(name)


@pytest.mark.parametrize("name", ["data", "_of_data", "processes"])
def test_a_function_may_speak_of_an_events_data(name: str):
    assert not is_vague_function(name)


def test_classes_functions_and_coroutines_are_looked_at_at_any_depth():
    source = "class AHelper:\n    async def load_data(self):\n        def process_it(): ...\n"
    assert sorted(vague_definitions(source)) == [
        (1, "AHelper"),
        (2, "load_data"),
        (3, "process_it"),
    ]
