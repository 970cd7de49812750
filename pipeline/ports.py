"""What the engine asks of Kafka, and what a stage offers the engine.

Threads: a `RecordSource` is used by one thread alone (the poll thread); everything else runs on the
event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from pipeline.domain.deletion import LogState
from pipeline.domain.delivery import Attempt, DeadLetter, Delivery, Outcome
from pipeline.domain.delivery_state import Buried
from pipeline.domain.endpoint import MutualTlsAuth, OAuth2Auth
from pipeline.domain.event import Event
from pipeline.flow import Emit, Partition, Record, StartAt


class SourceFailed(Exception):
    """The consumer cannot go on (fenced, fatal): the process starts anew, uncommitted."""


class SinkFailed(Exception):
    """The producer cannot go on (a fatal error).

    The process has to start anew, nothing more is committed.
    """


class EmitRefused(Exception):
    """This one record can never be produced.

    Its topic is gone, it is too large, or access is denied.
    """

    def __init__(self, text: str, *, too_large: bool) -> None:
        super().__init__(text)
        self.too_large = too_large


class Progress(NamedTuple):
    """How far a partition is finished: everything below `offset`."""

    partition: Partition
    offset: int
    leader_epoch: int | None
    metadata: str


def progress_at(start: StartAt, metadata: str) -> Progress:
    """Nothing is finished yet beyond where it begins."""
    return Progress(start.partition, start.offset, start.leader_epoch, metadata)


class LostPosition(NamedTuple):
    """A partition whose position the group has lost; nobody may guess where it goes on."""

    partition: Partition
    text: str


class Polled(NamedTuple):
    """What one poll gave."""

    records: list[Record]
    lost: list[LostPosition]
    commit_failed: bool = False
    """A commit since the last poll was refused, or its answer was lost: to be made again."""


class RebalanceListener(Protocol):
    """Called on the poll thread, inside `poll`."""

    def assigned(self, partitions: Sequence[Partition]) -> list[StartAt]:
        """Answer where each begins; a partition that is left out is not read."""
        ...

    def revoked(self, partitions: Sequence[Partition]) -> list[Progress]:
        """Finish or give up what is in flight; answer what to commit before they go."""
        ...

    def lost(self, partitions: Sequence[Partition]) -> None:
        """They belong to somebody else already: nothing may be written for them any more."""
        ...


class RecordSource(Protocol):
    """A group's consumer."""

    def subscribe(self, topics: Sequence[str], listener: RebalanceListener) -> None: ...

    def poll(self, timeout_seconds: float, *, limit: int) -> Polled:
        """Wait for the first record, then take what else is there, at most `limit`.

        Raises SourceFailed.
        """
        ...

    def begin(self, starts: Sequence[StartAt]) -> None:
        """Read these from now on (partitions that were held)."""
        ...

    def hold(self, partitions: Sequence[Partition]) -> None:
        """Stop reading these, without giving them up."""
        ...

    def pause(self, partitions: Sequence[Partition]) -> None: ...

    def resume(self, partitions: Sequence[Partition]) -> None: ...

    def committed(self, partitions: Sequence[Partition]) -> dict[Partition, StartAt]:
        """The group's committed positions; a partition without one is not in the answer."""
        ...

    def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Where reading stands, control records skipped."""
        ...

    def ends(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Where the partitions ended when something was last fetched; asks nobody."""
        ...

    def commit(self, progress: Sequence[Progress]) -> None:
        """Commit without waiting."""
        ...

    def commit_and_wait(self, progress: Sequence[Progress]) -> bool:
        """Commit and wait for the coordinator; False if it refused (the assignment is gone)."""
        ...

    def close(self) -> None: ...


class RecordSink(Protocol):
    """The process's producer. Callbacks come on the event loop, in the broker's order."""

    def send(self, emit: Emit, done: Callable[[EmitRefused | None], None]) -> None:
        """Produce.

        `done` is called once, when the brokers acknowledged it or refused it for good.
        """
        ...

    @property
    def is_congested(self) -> bool:
        """So much is unacknowledged that intake should stop."""
        ...

    async def wait_room(self) -> None:
        """Return when it is no longer congested."""
        ...

    @property
    def clock_ahead_ms(self) -> int:
        """This machine's clock minus the brokers', as far as it is known."""
        ...


class StartPositions(Protocol):
    """Decides where partitions begin; used on the poll thread."""

    def starts(self, partitions: Sequence[Partition]) -> Starts: ...

    def decisions(self, held: Sequence[Partition]) -> list[StartAt]:
        """Held partitions for which an operator has decided since."""
        ...


class Starts(NamedTuple):
    """Where to begin, and what must be held because nobody may guess."""

    begin: list[StartAt]
    held: list[LostPosition]
    decided: frozenset[Partition] = frozenset()
    """Those of `begin` that begin where an operator has just said, or that are new to the group:
    what anybody knew of a topic of that name is of another one."""


class Intake(Protocol):
    """A stage's side of the engine; called on the event loop, never concurrently."""

    def begin(self, start: StartAt) -> None:
        """A partition is ours from here on."""
        ...

    def take(self, records: Sequence[Record]) -> None:
        """Records of one poll, in order within each partition. Must not block.

        The stage opens a ticket for each when it starts on it; records without a ticket are merely
        queued.
        """
        ...

    def bury(self, record: Record) -> None:
        """No process survives this record: make it a dead letter (`Reason.CRASHED`).

        It was not given to `take`.
        """
        ...

    def stop(self, partitions: frozenset[Partition]) -> None:
        """Open no ticket for these any more."""
        ...

    def forget(self, partitions: frozenset[Partition]) -> None:
        """They are not ours any more: drop what is queued."""
        ...


class Undecodable(Exception):
    """A record's bytes are not what its topic holds; the text says why, for the dead letter."""


class Oversize(Undecodable):
    """An event's data is larger than is ever delivered."""


class Records(Protocol):
    """What bytes mean; every `decode_` raises Undecodable and nothing else."""

    def decode_event(self, record: Record) -> Event: ...

    def decode_delivery(self, value: bytes) -> Delivery: ...

    def encode_delivery(self, delivery: Delivery) -> bytes: ...

    def encode_attempts(self, attempts: Sequence[Attempt]) -> bytes: ...

    def decode_attempts(self, value: bytes) -> list[Attempt]: ...

    def encode_dead_letter(self, letter: DeadLetter) -> bytes: ...

    def decode_dead_letter(self, value: bytes) -> DeadLetter: ...


class Sent(NamedTuple):
    """What became of one request."""

    outcome: Outcome
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    """At most as much as is kept."""
    error: str | None = None
    """In words, for the log; None where the endpoint answered."""
    phases: dict[str, float] | None = None
    """Milliseconds: dns, connect, tls, first_byte, total."""
    address: str | None = None


class Parcel(NamedTuple):
    """One request, ready to go."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout_ms: int
    client_certificate: MutualTlsAuth | None = None
    authorization: OAuth2Auth | None = None
    """Where the token comes from that the request carries in `Authorization`."""


class StoreFailed(Exception):
    """The store took nothing (locked, full, down, not permitted): try again later."""


class AttemptStore(Protocol):
    """Where the recorder writes; blocking, called in a thread."""

    def write(
        self,
        attempts: Sequence[Attempt],
        dead_letters: Sequence[Buried],
        positions: Mapping[tuple[str, int], int],
    ) -> int:
        """Write all in one transaction; answers how many attempts were new.

        Positions only advance. Raises StoreFailed.
        """
        ...


class LogsUnavailable(Exception):
    """The brokers did not say, or did not do it; nothing is lost by trying again later."""


class DeletableLogs(Protocol):
    """What the janitor asks of the brokers; blocking, for a thread. Raises LogsUnavailable."""

    def states(
        self, partitions: Sequence[Partition], *, group: str, young_since_ms: int | None
    ) -> dict[Partition, LogState]:
        """Of those partitions that exist; `young_since_ms` None: age does not matter."""
        ...

    def delete(self, before: Mapping[Partition, int]) -> None:
        """Delete all records below these offsets."""
        ...
