"""Every setting, its default and its reason; read once, from the environment and `.env`.

Modules get values.
Names: `PIPELINE_` and the path with `__` between its parts, as in
`PIPELINE_KAFKA__BOOTSTRAP_SERVERS`.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.adapters.http.egress import parse_proxy
from pipeline.domain.event_document import KeptInOrder

_DAY_MS: Final = 86_400_000

Port = Annotated[int, Field(ge=0, le=65535)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(_Group):
    """Which cluster, and how to talk to it."""

    bootstrap_servers: str | None = None
    """None: the embedded broker, whose data lie in `data_dir`."""
    embedded_port: Port | None = None
    """None: a free one, the same again at the next start if it is still free."""
    topic_prefix: str = "webhooks."
    topics_file: Path | None = None
    """None: the topics.yaml of this version."""
    options: dict[str, str] = {}
    """Any librdkafka option (SASL, TLS, ...), given to every client."""
    schema_registry: str | None = None
    """A schema registry's address; None: there is none, and records that need one become dead
    letters."""
    schema_registry_auth: SecretStr | None = None
    """`user:password` for it, where it wants them."""

    @field_validator("schema_registry")
    @classmethod
    def _registry(cls, address: str | None) -> str | None:
        if address is not None and not re.fullmatch(r"https?://[^/@?#\s]+(/[^@?#\s]*)?", address):
            raise ValueError(
                "write http://host:8081; a user and a password belong into "
                "PIPELINE_KAFKA__SCHEMA_REGISTRY_AUTH"
            )
        return address

    @field_validator("schema_registry_auth")
    @classmethod
    def _registry_auth(cls, auth: SecretStr | None) -> SecretStr | None:
        if auth is not None and not re.fullmatch(r"[^:]+:.*", auth.get_secret_value()):
            raise ValueError("write user:password")
        return auth


class SendingSettings(_Group):
    """How webhooks leave."""

    allowed_networks: tuple[str, ...] = ()
    """Networks that may be dialled although they are not public: a receiver of one's own, a test
    on loopback."""
    allowed_names: tuple[str, ...] = ()
    """Host names whose addresses are not judged."""
    nat64_prefix: str | None = None
    """A NAT64 network (usually 64:ff9b::/96) whose addresses are judged by the IPv4 address in
    them; needed on hosts that have no IPv4."""
    origin: str = "webhooks.localhost"
    """The DNS name that CloudEvents receivers know this sender by."""
    user_agent: str = "webhook-pipeline/0.1"
    ca_file: Path | None = None
    """Certificate authorities beside the system's."""
    proxy: str | None = None
    """An egress proxy, `http://` or `https://`; it is given the address that was checked."""
    idle_connections: int = Field(default=1024, ge=1)
    """How many connections are kept open for the next request, over all hosts."""
    max_wait_days: int = Field(default=30, ge=1)
    """What has waited longer than this for its delivery becomes a dead letter."""

    @field_validator("proxy")
    @classmethod
    def _proxy(cls, url: str | None) -> str | None:
        if url is not None:
            parse_proxy(url)
        return url

    @field_validator("allowed_networks")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ipaddress.ip_network(network)
        return networks


class StoreSettings(_Group):
    """Where the log of deliveries is kept."""

    url: str | None = None
    """An SQLAlchemy URL (sqlite or postgresql+psycopg); None: an SQLite file in `data_dir`."""


class ArchiveSettings(_Group):
    """How long it is kept what was sent, and that it was."""

    after_days: float = Field(default=60, gt=0)
    """Then what was sent cannot be read or sent again, and its headers and answers are deleted."""
    rows_days: float = Field(default=400, gt=0)
    """Then the log forgets the delivery, too."""
    round_seconds: float = Field(default=60.0, gt=0)
    """Between two rounds of deleting what is old from the store."""

    @property
    def after_ms(self) -> int:
        return round(self.after_days * _DAY_MS)

    @property
    def rows_ms(self) -> int:
        return round(self.rows_days * _DAY_MS)


class ApiSettings(_Group):
    """The HTTP side."""

    host: str = "127.0.0.1"
    port: Port = 8080
    operator_key: SecretStr | None = None
    """The operator's first key; `up` makes one where there is none."""
    public_url: str | None = None
    """Where callers find it from outside."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies before it, whose `X-Forwarded-For` is believed."""

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ipaddress.ip_network(network)
        return networks


class ConsoleSettings(_Group):
    """The pages at `/`."""

    frame_ancestors: tuple[str, ...] = ()
    """Origins whose pages may show an account's console within them, such as
    `https://app.example.com`; none: nobody's may."""
    session_hours: int = Field(default=12, ge=1, le=168)
    """An operator signs in again after so long."""
    idle_minutes: int = Field(default=60, ge=1)
    """And when nothing was asked for so long."""

    @field_validator("frame_ancestors")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin):
                raise ValueError(f"{origin!r} is no origin: write https://app.example.com")
        return origins


class SecretsSettings(_Group):
    """The key that credentials are sealed with, in Kafka and in the store."""

    key: SecretStr | None = None
    """32 bytes in base64."""
    older_keys: tuple[SecretStr, ...] = ()
    """Keys that open as well and do not seal, while keys are changed. A new one has to be here on
    every process before it becomes `key` on the first."""
    key_file: Path | None = None
    """None: `secrets.key` in `data_dir`, made at the first start. A key in each line; the first one
    seals."""


class MailSettings(_Group):
    """E-mail: deliveries to e-mail endpoints and notices to owners."""

    url: SecretStr | None = None
    """`smtp://user:password@host:port` (STARTTLS) or `smtps://...`; None: e-mail endpoints fail,
    and are tried again."""
    from_: str = Field(default="webhooks@localhost", alias="from")
    """Who mails are from: an address, or `Name <address>`."""


class EventSettings(_Group):
    """How events are written into their topic."""

    key: KeptInOrder = KeptInOrder.SUBJECT
    """What is routed in order: an account's events of one subject, or all of an account's."""


class StageSettings(_Group):
    """What all stages share."""

    health_host: str = "127.0.0.1"
    health_port: Port = 0
    """0: a free port, written to the stage's file in `data_dir`."""
    drain_seconds: float = Field(default=8.0, gt=0, le=60)
    """How long work under way may go on at the end; below what `up` gives a stage before it
    kills it."""
    janitor_seconds: float = Field(default=60.0, gt=0)
    """Between two rounds of deleting what is finished from delivery topics and tiers."""
    unfinished_megabytes: int = Field(default=64, ge=1)
    judge_seconds: float = Field(default=60.0, gt=0)
    """Between two looks at the endpoints that fail: which are to be warned of or deactivated."""


class OperationsSettings(_Group):
    """How the operator is told of what happens here."""

    account: str | None = None
    """The operator's own account: its endpoints get the operational events (`endpoint.deactivated`
    and others). Nothing is told about it itself. None: there are no such events."""


class TelemetrySettings(_Group):
    """Where metrics and traces go."""

    otlp_endpoint: str | None = None
    """An OTLP/HTTP collector; None: metrics on `/metrics` alone, no traces."""
    sample_ratio: float = Field(default=0.01, ge=0, le=1)
    """The share of events whose trace is kept where the producer did not decide."""
    log_level: str = "INFO"


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(
        env_prefix="PIPELINE_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",
        frozen=True,
    )

    data_dir: Path = Path(".pipeline")
    """All state of this machine: the embedded broker's data, SQLite, keys, logs."""
    kafka: KafkaSettings = KafkaSettings()
    sending: SendingSettings = SendingSettings()
    store: StoreSettings = StoreSettings()
    archive: ArchiveSettings = ArchiveSettings()
    api: ApiSettings = ApiSettings()
    console: ConsoleSettings = ConsoleSettings()
    secrets: SecretsSettings = SecretsSettings()
    mail: MailSettings = MailSettings()
    events: EventSettings = EventSettings()
    stage: StageSettings = StageSettings()
    operations: OperationsSettings = OperationsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
