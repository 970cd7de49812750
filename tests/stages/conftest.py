"""What the tests of stages share."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from pipeline.adapters.http.courier import HttpCourier
from pipeline.adapters.http.curl_client import ClientSettings, open_client
from pipeline.domain.addresses import parse_rules


@pytest.fixture
async def courier() -> AsyncGenerator[HttpCourier]:
    """One that may send to loopback."""
    async with open_client(ClientSettings(rules=parse_rules(["127.0.0.0/8"]))) as client:
        yield HttpCourier(client)
