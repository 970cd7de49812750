"""The broker's configuration, as text. Pure: no file is read or written here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_MIB: Final = 1024 * 1024
_PRINTABLE: Final = range(0x20, 0x7F)
_DAY_MINUTES: Final = 24 * 60

DATA_DIRECTORY: Final = "data"
"""In the broker's working directory: so no character of the path before it matters."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """The two ports of one node, both on loopback: for clients, and for its controller."""

    port: int
    controller_port: int

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"


def server_properties(
    listeners: Listeners,
    extra: Mapping[str, str],
    *,
    data_directory: str = DATA_DIRECTORY,
) -> str:
    """One node that is broker and controller; what `extra` names wins."""
    properties = {
        **_identity(listeners),
        "log.dirs": data_directory,
        **_DURABILITY,
        **_SIZES,
        **_SPEED,
        **extra,
    }
    return "".join(f"{_escaped(name)}={_escaped(value)}\n" for name, value in properties.items())


def _identity(listeners: Listeners) -> dict[str, str]:
    controller = f"127.0.0.1:{listeners.controller_port}"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        # Named here rather than kept in the log: the controller's port may then change between
        # runs.
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"BROKER://{listeners.bootstrap_servers},CONTROLLER://{controller}",
        "advertised.listeners": f"BROKER://{listeners.bootstrap_servers}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
    }


_DURABILITY: Final = {
    # A misspelt topic is an error, not a new topic with the wrong settings.
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    # A laptop that stays closed for a summer goes on where it stopped.
    "offsets.retention.minutes": str(90 * _DAY_MINUTES),
    # For topics that say nothing; ours do.
    "log.retention.hours": str(60 * 24),
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
}

_SIZES: Final = {
    # A dead letter of 6 MiB, and what Kafka puts around it.
    "message.max.bytes": str(6 * _MIB + _MIB // 4),
    "replica.fetch.max.bytes": str(6 * _MIB + _MIB // 4),
    # Kafka keeps this much of its heap for compaction, 128 MiB by default. 16 MiB hold the keys of
    # 600,000 records, more than there are in a segment of a table.
    "log.cleaner.dedupe.buffer.size": str(16 * _MIB),
    "log.segment.bytes": str(256 * _MIB),
    "log.index.size.max.bytes": str(_MIB),
    "offsets.topic.segment.bytes": str(16 * _MIB),
    "transaction.state.log.segment.bytes": str(16 * _MIB),
}

_SPEED: Final = {
    # After kill -9 the broker's former self has to expire before it is let in again.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "num.recovery.threads.per.data.dir": "4",
    # Groups do not wait for more members at first: ours are started together and rebalance
    # cooperatively.
    "group.initial.rebalance.delay.ms": "0",
    # Each partition is a folder with files to make at first use and to read at each start.
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
}


def _escaped(text: str) -> str:
    """As Java reads it from a properties file: Latin-1 with escapes, in UTF-16 code units."""
    plain = "".join(f"\\{character}" if character in "\\=:#! " else character for character in text)
    units = plain.encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if code in _PRINTABLE else f"\\u{code:04x}" for code in codes)
