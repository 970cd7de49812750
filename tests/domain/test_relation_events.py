"""What is told of a change of a relation."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.relation import Relation
from pipeline.domain.relation_events import events_of_change

_stars = st.sampled_from([None, "green", "gold"])
_data = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "null", '{"x":[2]}']))
_relations = st.none() | st.builds(
    Relation, account=st.just("acme"), company=st.just("42"), star=_stars, data=_data
)


def state_of(relation: Relation | None) -> dict[str, object]:
    """All that events tell: the relation under its own name, entries under theirs."""
    if relation is None:
        return {}
    state: dict[str, object] = {"": {"company": "42", "star": relation.star}}
    for key, text in relation.data.items():
        # A star that changed is told once, of the relation.
        state[key] = json.loads(text)
    return state


@given(_relations, _relations)
def test_who_follows_the_events_knows_what_there_is(
    before: Relation | None, after: Relation | None
):
    state = state_of(before)
    for told in events_of_change("42", before, after):
        data = json.loads(told.data)
        current, previous = data["current"], data["previous"]
        some = current or previous
        key = some.get("key", "")
        assert told.type.startswith("CompanyRelationData." if key else "CompanyRelation.")
        action = told.type.rpartition(".")[2]
        assert action == (
            "created" if previous is None else "deleted" if current is None else "updated"
        )
        assert (key in state) is (previous is not None)
        if current is None:
            del state[key]
        else:
            state[key] = current["value"] if key else current
    assert state == state_of(after)


@given(_relations)
def test_what_did_not_change_is_not_told(relation: Relation | None):
    assert list(events_of_change("42", relation, relation)) == []


def test_an_entry_is_told_with_the_star_as_it_was_and_as_it_is():
    before = Relation("acme", "42", "gold", {"a": "1"})
    after = Relation("acme", "42", None, {"a": "2"})
    entry, relation = events_of_change("42", before, after)
    assert json.loads(entry.data) == {
        "current": {"company": "42", "star": None, "key": "a", "value": 2},
        "previous": {"company": "42", "star": "gold", "key": "a", "value": 1},
    }
    assert json.loads(relation.data)["previous"] == {"company": "42", "star": "gold"}
