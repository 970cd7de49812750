"""Which companies accounts marked with a star, in memory for millions of relations. Pure.

By company, for an event names one: beside the company's name each star costs 8 bytes, a company
that one account alone starred about 130 in all.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from pipeline.domain.relation import Relation

_STAR_BITS = 16
_MOST_STARS = 1 << _STAR_BITS


class Stars:
    """The table of relations, of which it keeps those that have a star."""

    def __init__(self) -> None:
        self._account_numbers: dict[str, int] = {}
        self._accounts: list[str] = []
        self._star_numbers: dict[str, int] = {}
        self._stars: list[str] = []
        self._marks: dict[bytes, int | array[int]] = {}
        """By company the accounts and their stars: one number each, in order where several."""

    def put(self, relation: Relation) -> None:
        """The table says so. Raises ValueError: there are more kinds of stars than can be kept."""
        company = relation.company.encode()
        if relation.star is None or relation.removed:
            account = self._account_numbers.get(relation.account)
            if account is not None:
                self._remove(company, account)
            return
        account = _number(relation.account, self._account_numbers, self._accounts)
        if len(self._stars) == _MOST_STARS and relation.star not in self._star_numbers:
            raise ValueError(f"more than {_MOST_STARS} kinds of stars")
        star = _number(relation.star, self._star_numbers, self._stars)
        self._remove(company, account)
        self._add(company, account << _STAR_BITS | star)

    def star(self, account: str, company: str) -> str | None:
        """The star of the account's relation with the company; None without a relation or star."""
        number = self._account_numbers.get(account)
        marks = self._marks.get(company.encode(errors="surrogatepass"))
        if number is None or marks is None:
            return None
        for mark in _of_account(marks, number):
            return self._stars[mark & (_MOST_STARS - 1)]
        return None

    def accounts(self, company: str) -> list[str]:
        """All that have a relation with the company which has a star, as of now."""
        marks = self._marks.get(company.encode(errors="surrogatepass"), ())
        every: Iterable[int] = (marks,) if isinstance(marks, int) else marks
        return [self._accounts[mark >> _STAR_BITS] for mark in every]

    def _add(self, company: bytes, mark: int) -> None:
        marks = self._marks.get(company)
        if marks is None:
            self._marks[company] = mark
        elif isinstance(marks, int):
            self._marks[company] = array("Q", sorted((marks, mark)))
        else:
            marks.insert(bisect_left(marks, mark), mark)

    def _remove(self, company: bytes, account: int) -> None:
        marks = self._marks.get(company)
        if marks is None:
            return
        for mark in _of_account(marks, account):
            if isinstance(marks, int) or len(marks) == 1:
                del self._marks[company]
            else:
                marks.remove(mark)


def _of_account(marks: int | array[int], account: int) -> Iterator[int]:
    """The account's mark, if it is there."""
    if isinstance(marks, int):
        if marks >> _STAR_BITS == account:
            yield marks
        return
    place = bisect_left(marks, account << _STAR_BITS)
    if place < len(marks) and marks[place] >> _STAR_BITS == account:
        yield marks[place]


def _number(name: str, numbers: dict[str, int], names: list[str]) -> int:
    number = numbers.get(name)
    if number is None:
        number = numbers[name] = len(names)
        names.append(name)
    return number
