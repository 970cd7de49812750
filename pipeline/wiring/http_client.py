"""The HTTP client that the settings describe: what it may dial, and through what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.http.curl_client import ClientSettings
from pipeline.adapters.http.egress import parse_proxy
from pipeline.domain.addresses import parse_rules

if TYPE_CHECKING:
    from pipeline.settings import SendingSettings


def client_settings(sending: SendingSettings) -> ClientSettings:
    """Raises ValueError where a network or the proxy cannot be read."""
    return ClientSettings(
        rules=parse_rules(
            (*sending.allowed_networks, *sending.allowed_names), sending.nat64_prefix
        ),
        additional_authorities=sending.ca_file,
        proxy=parse_proxy(sending.proxy) if sending.proxy else None,
        idle_connections=sending.idle_connections,
    )
