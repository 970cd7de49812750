"""Real brokers that take nobody without TLS and a password, and allow nothing by themselves.

Beside its secured listener each has a plain one, whose user is the cluster's superuser: the tests'.
"""

# pyright: reportPrivateImportUsage=false
# confluent_kafka.admin does not mark the names that it documents as public.

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from confluent_kafka.admin import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from pipeline.adapters.embedded_kafka.jvm import LOGGING, LOGGING_FILE
from pipeline.domain.rights import Operation
from tests.faults.kafka_nodes import (
    KafkaNode,
    distinct_listeners,
    format_together,
    single_node,
    started_nodes,
    three_nodes,
)
from tests.security.broker_certificates import server_identity

PASSWORD = "correct-horse-battery-staple"
_LISTENER = "listener.name.secured."
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_DECISION = re.compile(
    r"Principal = User:(\S+) is (Allowed|Denied) operation = (\S+) from host .* on resource = "
    r"(\w+):LITERAL:(\S+) "
)
_LOGGED = """\
logger.rights.name = kafka.authorizer.logger
logger.rights.level = {level}
"""


@dataclass(frozen=True)
class Decision:
    """What the broker's authorizer has said, as its log has it."""

    user: str
    is_allowed: bool
    operation: str
    resource: str
    name: str


@dataclass
class SecuredBroker:
    """One, or the three of a cluster."""

    nodes: Sequence[KafkaNode]
    ports: Sequence[int]
    """Of their secured listeners."""
    authority: Path
    admin: Any

    @property
    def bootstrap_servers(self) -> str:
        """The superuser's, plain."""
        return plain_servers(self.nodes)

    @property
    def secured_servers(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def options(self, user: str, *, password: str = PASSWORD, **others: str) -> dict[str, str]:
        """librdkafka's, for one user; `others` with `_` where the option has a dot."""
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
            "ssl.ca.location": str(self.authority),
            **{name.replace("_", "."): value for name, value in others.items()},
        }

    def settings(self, user: str, **others: str) -> dict[str, str]:
        """The pipeline's, for one user."""
        return {
            "PIPELINE_KAFKA__BOOTSTRAP_SERVERS": self.secured_servers,
            "PIPELINE_KAFKA__OPTIONS": json.dumps(self.options(user, **others)),
        }

    def add_users(self, users: Sequence[str]) -> None:
        """Return when they can sign in."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        futures = self.admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(user, info, PASSWORD.encode()) for user in users]
        )
        for future in futures.values():
            future.result(30)

    def forbid(
        self, user: str, operation: Operation, topic: str, *, is_prefix: bool = False
    ) -> None:
        """Take one right away."""
        pattern = ResourcePatternType.PREFIXED if is_prefix else ResourcePatternType.LITERAL
        of = (ResourceType.TOPIC, topic, pattern, f"User:{user}", "*", AclOperation[operation.name])
        (future,) = self.admin.delete_acls(
            [AclBindingFilter(*of, AclPermissionType.ALLOW)]
        ).values()
        assert len(future.result(30)) == 1

    def decisions(self) -> Counter[Decision]:
        """All that the authorizer has said so far, but of the superuser."""
        text = "".join(
            path.read_text() for node in self.nodes for path in node.folder.glob("server.log*")
        )
        return Counter(
            Decision(user, said == "Allowed", operation, resource, name)
            for user, said, operation, resource, name in _DECISION.findall(text)
            if user != "ANONYMOUS"
        )

    def denied(self) -> list[Decision]:
        return sorted(
            (one for one in self.decisions() if not one.is_allowed),
            key=lambda one: (one.user, one.resource, one.name, one.operation),
        )


@contextmanager
def secured_broker(folder: Path, *, logged: str = "info") -> Generator[SecuredBroker]:
    """Running. Its authorizer logs what it denies, and at the level `debug` all that it says."""
    node = single_node(folder / "node", before=(), settings={})
    with _running([node], folder, logged=logged) as running:
        yield running


@contextmanager
def three_secured_brokers(folder: Path) -> Generator[SecuredBroker]:
    """The same, a cluster; what it keeps it keeps on each of the three."""
    with _running(three_nodes(folder / "nodes"), folder, logged="info") as running:
        yield running


@contextmanager
def _running(nodes: list[KafkaNode], folder: Path, *, logged: str) -> Generator[SecuredBroker]:
    """Of nodes that are not formatted yet."""
    authority = trustme.CA()
    authority_file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(authority_file))
    store = folder / "broker.pem"
    store.write_bytes(server_identity(authority))
    ports = [each.port for each in distinct_listeners(len(nodes))]
    for node, port in zip(nodes, ports, strict=True):
        node.settings = {**node.settings, **_secured(node, port, store)}
    format_together(nodes)
    for node in nodes:
        (node.folder / LOGGING_FILE).write_text(LOGGING + _LOGGED.format(level=logged))
    with started_nodes(nodes, end=KafkaNode.stop):
        admin = AdminClient({"bootstrap.servers": plain_servers(nodes), "log_level": 0})
        yield SecuredBroker(nodes, ports, authority_file, admin)


def plain_servers(nodes: Sequence[KafkaNode]) -> str:
    return ",".join(node.listeners.bootstrap_servers for node in nodes)


def _secured(node: KafkaNode, port: int, store: Path) -> dict[str, str]:
    plain = node.settings["listeners"]
    return {
        "listeners": f"{plain},SECURED://127.0.0.1:{port}",
        "advertised.listeners": (
            f"{node.settings['advertised.listeners']},SECURED://127.0.0.1:{port}"
        ),
        "listener.security.protocol.map": (
            "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL"
        ),
        f"{_LISTENER}sasl.enabled.mechanisms": "SCRAM-SHA-512",
        f"{_LISTENER}scram-sha-512.sasl.jaas.config": _SCRAM,
        f"{_LISTENER}ssl.keystore.type": "PEM",
        f"{_LISTENER}ssl.keystore.location": str(store),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": "User:ANONYMOUS",
    }
