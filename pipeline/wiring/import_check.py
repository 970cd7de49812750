"""An export file against the store that it is to go into: what is new, what is there already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from pipeline.adapters.export_file.reading import ExportFileError, Read, read_export
from pipeline.adapters.sealing import CannotOpen, Sealer
from pipeline.domain.endpoint import Account, Endpoint, Order
from pipeline.domain.relation import Relation
from pipeline.domain.topology import Topology
from pipeline.moving import MovedEndpoint, MovedEntry, kind_of, name_of
from pipeline.operating import Operator, OperatorStore
from pipeline.registry import ApiKey, EventType, RegistryReader, StoredProfile
from pipeline.wiring.exporting import moved_endpoint

MAX_REPORTED: Final = 50


class Existing(StrEnum):
    """What becomes of something that is in both and differs."""

    REFUSE = "refuse"
    KEEP = "keep"
    REPLACE = "replace"


class Standing(StrEnum):
    """How something in the file stands to the store."""

    NEW = "new"
    SAME = "same"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Target:
    """What a file is compared with."""

    reader: RegistryReader
    operators: OperatorStore
    topology: Topology
    sealer: Sealer
    profiles: Collection[str]
    """The names of those that are shipped."""


@dataclass(slots=True)
class Tallied:
    """How many of each kind are new, the same, or other ones."""

    counts: dict[Standing, Counter[str]] = field(
        default_factory=lambda: {each: Counter[str]() for each in Standing}
    )
    differing: list[str] = field(default_factory=list[str])
    """A line for each of the first that differ: what, and in which fields."""

    def add(self, entry: MovedEntry, standing: Standing, differing: Collection[str] = ()) -> None:
        self.counts[standing][kind_of(entry)] += 1
        if standing is Standing.OTHER and len(self.differing) < MAX_REPORTED:
            what = f"{kind_of(entry)} {name_of(entry)}"
            self.differing.append(f"{what} is here already and differs in {', '.join(differing)}")


def check_file(path: Path, target: Target) -> Tallied:
    """What importing it would meet; nothing is written.

    Raises:
        ExportFileError: it is not whole, or what it says cannot be used here.
        StoreFailed: the store cannot be asked.
    """
    found, seen = Tallied(), _Seen(target)
    problems: list[str] = []
    for read in read_export(path):
        problem = seen.problem_with(read.entry)
        if problem is not None:
            problems.append(f"{path}:{read.line}: {_what(read)}: {problem}")
            if len(problems) >= MAX_REPORTED:
                break
            continue
        standing, differing = compare(read.entry, target)
        found.add(read.entry, standing, differing)
    if problems:
        raise ExportFileError(*problems)
    return found


def compare(entry: MovedEntry, target: Target) -> tuple[Standing, Collection[str]]:
    """How it stands, and the fields that differ."""
    here = _present(entry, target)
    if here is None:
        return Standing.NEW, ()
    wanted: MovedEntry | Endpoint = entry
    if isinstance(entry, MovedEndpoint) and isinstance(here, MovedEndpoint):
        # Two seals of the same are never alike, and which topic it has is this installation's.
        wanted, here = (_opened(each.endpoint, target.sealer) for each in (entry, here))
    elif isinstance(entry, ApiKey) and isinstance(here, ApiKey):
        wanted, here = (replace(each, last_used_at_ms=None) for each in (entry, here))
    differing = [
        one.name for one in fields(wanted) if getattr(wanted, one.name) != getattr(here, one.name)
    ]
    return (Standing.OTHER, differing) if differing else (Standing.SAME, ())


def _present(entry: MovedEntry, target: Target) -> MovedEntry | None:
    reader = target.reader
    match entry:
        case MovedEndpoint():
            found = reader.endpoint(entry.endpoint.id)
            return None if found is None else moved_endpoint(found, target.topology)
        case Relation():
            return reader.relation(entry.account, entry.company)
        case Operator():
            return target.operators.operator(entry.name)
        case _:
            return _BY_NAME[type(entry)](reader, name_of(entry))


_BY_NAME: Final[dict[type[MovedEntry], Callable[[RegistryReader, str], MovedEntry | None]]] = {
    Account: lambda reader, name: reader.account(name),
    ApiKey: lambda reader, name: reader.key(name),
    StoredProfile: lambda reader, name: reader.profile(name),
    EventType: lambda reader, name: reader.event_type(name),
}


def _opened(endpoint: Endpoint, sealer: Sealer) -> Endpoint:
    if endpoint.sealed is None:
        return endpoint
    try:
        return replace(
            endpoint, sealed=sealer.open(endpoint.sealed, record_key=endpoint.id.encode())
        )
    except CannotOpen:
        return endpoint


class _Seen:
    """What a file has said so far, for what refers to it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._names: set[tuple[str, str]] = set()

    def problem_with(self, entry: MovedEntry) -> str | None:
        name = (kind_of(entry), name_of(entry))
        if name in self._names:
            return "it is in the file twice"
        self._names.add(name)
        match entry:
            case Account():
                return self._profile_problem(entry.profile)
            case MovedEndpoint():
                return self._endpoint_problem(entry)
            case Relation():
                return self._account_problem(entry.account)
            case ApiKey() if entry.account is not None:
                return self._account_problem(entry.account)
            case _:
                return None

    def _endpoint_problem(self, entry: MovedEndpoint) -> str | None:
        endpoint = entry.endpoint
        if endpoint.order is Order.STRICT and not entry.has_own_topic:
            return "order: strict needs own_topic: true"
        if endpoint.order is Order.STRICT and self._shares_here(endpoint.id):
            return (
                "order: strict needs a topic of its own, and this endpoint shares one here: move"
                f" it first (pipeline endpoints move {endpoint.id} --to dedicated)"
            )
        if endpoint.sealed is not None:
            try:
                self._target.sealer.open(endpoint.sealed, record_key=endpoint.id.encode())
            except CannotOpen as exc:
                return (
                    f"sealed: {exc}; or export with --seal-with and the key of this installation,"
                    " or give this one the other's key in PIPELINE_SECRETS__OLDER_KEYS"
                )
        return self._account_problem(endpoint.account) or self._profile_problem(endpoint.profile)

    def _shares_here(self, endpoint_id: str) -> bool:
        here = self._target.reader.endpoint(endpoint_id)
        return here is not None and self._target.topology.endpoint_of(here.topic) is None

    def _account_problem(self, account: str) -> str | None:
        if ("account", account) in self._names or self._target.reader.account(account):
            return None
        return f"account: there is no {account!r}, neither in the file nor here"

    def _profile_problem(self, profile: str) -> str | None:
        is_known = (
            profile in self._target.profiles
            or ("profile", profile) in self._names
            or self._target.reader.profile(profile) is not None
        )
        if is_known:
            return None
        return f"profile: there is no {profile!r}, neither in the file nor here"


def _what(read: Read) -> str:
    return f"{kind_of(read.entry)} {name_of(read.entry)}"
