"""Merge patches, as RFC 7396 has them."""

import pytest

from pipeline.domain.document import DocumentError
from pipeline.domain.merge_patch import MAX_DEPTH, merged

# Appendix A.
EXAMPLES: list[tuple[object, object, object]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), EXAMPLES)
def test_the_examples_of_the_rfc(target: object, patch: object, result: object):
    assert merged(target, patch) == result


def test_neither_the_target_nor_the_patch_is_changed():
    target, patch = {"a": {"b": 1}}, {"a": {"c": {"d": None, "e": 2}}}
    assert merged(target, patch) == {"a": {"b": 1, "c": {"e": 2}}}
    assert (target, patch) == ({"a": {"b": 1}}, {"a": {"c": {"d": None, "e": 2}}})


def test_a_patch_is_nested_only_so_deep():
    patch: object = 1
    for _ in range(MAX_DEPTH):
        patch = {"a": patch}
    assert merged({}, patch) == patch
    with pytest.raises(DocumentError):
        merged({}, {"a": patch})
