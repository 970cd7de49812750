"""Relations and what accounts keep with them, as they are written; all of it bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from pipeline.domain.document import DocumentError, Fields, nearest, shown, text_of
from pipeline.domain.json_text import json_text_of
from pipeline.domain.profile import RelationRules
from pipeline.domain.relation import Relation

MAX_COMPANY_CHARS: Final = 256
MAX_KEY_CHARS: Final = 64
MAX_ENTRIES: Final = 50
"""Of data with one relation."""
MAX_VALUE_BYTES: Final = 8 * 1024
"""One entry's value, as compact JSON in UTF-8."""
MAX_DATA_BYTES: Final = 32 * 1024
"""All values with one relation."""

_KEY: Final = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_KEY_CHARS}}}", re.ASCII)


def check_company(company: str) -> None:
    """Raises DocumentError (without a place): no subject could name this company."""
    if not 1 <= len(company) <= MAX_COMPANY_CHARS or "/" in company or not company.isprintable():
        raise DocumentError(
            "", f"a company's id has 1 to {MAX_COMPANY_CHARS} printable characters, and no /"
        )


def read_star(document: object, rules: RelationRules) -> str | None:
    """`{star}`, one of the profile's or null; it must be there.

    Raises:
        DocumentError: it is missing, or no star.
    """
    fields = Fields(document, "", known=("star",))
    if not isinstance(document, Mapping) or "star" not in document:
        raise DocumentError("/star", f"missing: give {', '.join(rules.stars)} or null")
    star = fields.optional("star", text_of)
    if star is not None and star not in rules.stars:
        raise DocumentError("/star", f"{shown(star)} is no star: {nearest(star, rules.stars)}")
    return star


def check_key(key: str) -> None:
    """Raises DocumentError: it is no key of relational data."""
    if not _KEY.fullmatch(key):
        raise DocumentError("/key", f"use 1 to {MAX_KEY_CHARS} of A-Z, a-z, 0-9, _, . and -")


def with_entry(relation: Relation, key: str, value: object) -> dict[str, str]:
    """The relation's data with this entry, new or changed; `value` is any JSON.

    Raises:
        DocumentError: the value is too long, or all of them are, or there are too many.
    """
    text = json_text_of(value, "/value")
    size_bytes = len(text.encode())
    if size_bytes > MAX_VALUE_BYTES:
        raise DocumentError("/value", f"{size_bytes} bytes of JSON: at most {MAX_VALUE_BYTES}")
    data = {**relation.data, key: text}
    if len(data) > MAX_ENTRIES:
        raise DocumentError(
            "/key", f"{MAX_ENTRIES} entries are there already, and no more may be: remove one"
        )
    total_bytes = sum(len(each.encode()) for each in data.values())
    if total_bytes > MAX_DATA_BYTES:
        raise DocumentError(
            "/value",
            f"{total_bytes} bytes of data with this relation: at most {MAX_DATA_BYTES} altogether",
        )
    return data


def written_relation(relation: Relation) -> dict[str, object]:
    """As the API answers it."""
    return {
        "company": relation.company,
        "star": relation.star,
        "data": {key: json.loads(text) for key, text in relation.data.items()},
    }
