"""The tables in memory, kept up to date, and who is told of a change. Event loop only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pipeline.adapters.kafka.record_format import NewerVersion
from pipeline.domain.directory import Directory
from pipeline.domain.interventions import Interventions
from pipeline.domain.relation import Relation
from pipeline.domain.stars import Stars
from pipeline.ports import SourceFailed, Undecodable

if TYPE_CHECKING:
    from pipeline.adapters.kafka.codec import RecordCodec
    from pipeline.adapters.kafka.tables import TableRecord
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.profile_table import Profiles
    from pipeline.domain.topology import Topology

log = logging.getLogger(__name__)

Listener = Callable[[frozenset[str]], None]
"""Told the ids of endpoints that may have changed, for every change of any table."""

ENDPOINT_TABLES: Final = ("accounts", "endpoints")
SENDING_TABLES: Final = ("accounts", "profiles", "endpoints")
ROUTING_TABLES: Final = (*SENDING_TABLES, "relations")
INTERVENTIONS: Final = "interventions"
"""Followed beside them by whoever meets deliveries that wait."""

PROFILE_WAIT_SECONDS: Final = 5.0
"""So long an endpoint waits for the record of its profile, which was written before its own."""


class LiveTables:
    """Applies table records to what the stages ask: directory, profiles and stars.

    `names` are those that it follows, without the topics' prefix.
    """

    def __init__(
        self, codec: RecordCodec, topology: Topology, *, profiles: Profiles, names: Sequence[str]
    ) -> None:
        self._codec = codec
        self._names = {topology.named(name): name for name in names}
        self._reached = dict.fromkeys(names, 0)
        self._apply_to = {
            "accounts": self._apply_account,
            "profiles": self._apply_profile,
            "endpoints": self._apply_endpoint,
            "relations": self._apply_relation,
            INTERVENTIONS: self._apply_intervention,
        }
        self._listeners: list[Listener] = []
        self._early: list[Endpoint] = []
        """Endpoints whose profile's record has not come yet, though it was written before."""
        self.directory = Directory()
        self.profiles = profiles
        self.stars = Stars()
        self.interventions = Interventions()

    @property
    def topics(self) -> tuple[str, ...]:
        """What a TableReader reads for it."""
        return tuple(self._names)

    @property
    def positions(self) -> Mapping[str, int]:
        """By table, without the topics' prefix: the offset before which everything is applied."""
        if not self._early:
            return self._reached
        first = min(endpoint.version for endpoint in self._early)
        return {**self._reached, "endpoints": first}

    def positions_by_topic(self) -> dict[str, int]:
        """The same under the topics' names."""
        positions = self.positions
        return {topic: positions[name] for topic, name in self._names.items()}

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def apply(self, records: Sequence[TableRecord]) -> None:
        """Records of the tables, in order within each.

        Raises SourceFailed: a newer version wrote one. Going on without it would take events past
        an endpoint that is to get them, so this process ends and leaves its work to newer ones.
        """
        changed: set[str] = set()
        for record in records:
            name = self._names[record.topic]
            try:
                changed.update(self._apply_to[name](record))
            except NewerVersion as error:
                raise SourceFailed(
                    f"{record.topic} at {record.offset}: {error}; upgrade this process"
                ) from error
            except (Undecodable, ValueError) as error:
                log.warning("%s at %d is left out: %s", record.topic, record.offset, error)
            self._reached[name] = record.offset + 1
        self._tell(changed)

    def reach(self, ends: Mapping[str, int]) -> None:
        """By topic where a table ended when everything before was applied.

        What was compacted away at its end has no record that would tell.
        """
        for topic, end in ends.items():
            name = self._names[topic]
            self._reached[name] = max(self._reached[name], end)
            if name == INTERVENTIONS:
                self.interventions.reach(end)
        self._tell(())

    def built(self) -> None:
        """Every table was read to its end: a profile that is not known by now is not there."""
        self._release(self._early.copy())

    def _apply_account(self, record: TableRecord) -> Iterable[str]:
        if record.value is None:
            return ()
        account = self._codec.decode_account(record.value, version=record.offset)
        self.directory.put_account(account)
        return self.directory.endpoints_of(account.id)

    def _apply_profile(self, record: TableRecord) -> Iterable[str]:
        if record.value is None:
            return ()
        entry = self._codec.decode_profile(record.value, version=record.offset)
        self.profiles.put(entry)
        early = [endpoint for endpoint in self._early if endpoint.profile == entry.name]
        self._put(early)
        return [each.id for each in self.directory.endpoints() if each.profile == entry.name]

    def _apply_endpoint(self, record: TableRecord) -> Iterable[str]:
        if record.value is None:
            endpoint_id = record.key.decode(errors="replace")
            self.directory.drop_endpoint(endpoint_id)
            return (endpoint_id,)
        endpoint = self._codec.decode_endpoint(record.value, version=record.offset)
        if "profiles" in self._reached and self.profiles.get(endpoint.profile) is None:
            self._early.append(endpoint)
            loop = asyncio.get_running_loop()
            loop.call_later(PROFILE_WAIT_SECONDS, self._release, [endpoint])
            return ()
        self.directory.put_endpoint(endpoint)
        return (endpoint.id,)

    def _apply_relation(self, record: TableRecord) -> Iterable[str]:
        if record.value is None:
            account, _, company = record.key.decode(errors="replace").partition("/")
            self.stars.put(Relation(account, company, removed=True))
        else:
            relation = self._codec.decode_relation(record.value, version=record.offset)
            self.stars.put(relation)
        return ()

    def _apply_intervention(self, record: TableRecord) -> Iterable[str]:
        if record.value is None:
            self.interventions.forget(record.key, offset=record.offset)
            return ()
        told = self._codec.decode_intervention(record.value)
        self.interventions.apply(told, offset=record.offset, appended_at_ms=record.timestamp_ms)
        return (told.endpoint,)

    def _release(self, endpoints: Sequence[Endpoint]) -> None:
        """They have waited for their profile long enough."""
        late = [endpoint for endpoint in endpoints if endpoint in self._early]
        for endpoint in late:
            log.warning("endpoint %s: the profile %r is not known", endpoint.id, endpoint.profile)
        self._put(late)
        self._tell(endpoint.id for endpoint in late)

    def _put(self, early: Sequence[Endpoint]) -> None:
        self._early = [endpoint for endpoint in self._early if endpoint not in early]
        for endpoint in early:
            self.directory.put_endpoint(endpoint)

    def _tell(self, changed: Iterable[str]) -> None:
        ids = frozenset(changed)
        for listener in self._listeners:
            listener(ids)
