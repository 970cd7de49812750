from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.relation import Relation
from pipeline.domain.stars import Stars

_RELATIONS = st.builds(
    Relation,
    st.sampled_from(["a", "b", "c", "d"]),
    st.sampled_from(["1", "2", "é"]),
    st.sampled_from(["green", "gold", None]),
    removed=st.booleans(),
)


@given(st.lists(_RELATIONS, max_size=40))
def test_what_it_knows_is_what_the_last_record_of_each_relation_says(relations: list[Relation]):
    stars, known = Stars(), dict[tuple[str, str], str]()
    for relation in relations:
        stars.put(relation)
        key = (relation.account, relation.company)
        if relation.star is None or relation.removed:
            known.pop(key, None)
        else:
            known[key] = relation.star
    for account in ("a", "b", "c", "d", "x"):
        for company in ("1", "2", "é", "x", "\ud800"):
            assert stars.star(account, company) == known.get((account, company))
    for company in ("1", "2", "é", "x", "\ud800"):
        expected = {account for account, at in known if at == company}
        found = stars.accounts(company)
        assert (set(found), len(found)) == (expected, len(expected))


def test_many_accounts_may_star_one_company():
    stars = Stars()
    for number in range(3_000):
        stars.put(Relation(f"a{number * 7 % 3_000}", "acme", ("green", "gold")[number % 2]))
    assert sorted(stars.accounts("acme")) == sorted(f"a{number}" for number in range(3_000))
    stars.put(Relation("a1500", "acme"))
    assert stars.star("a1500", "acme") is None
    assert len(stars.accounts("acme")) == 2_999
