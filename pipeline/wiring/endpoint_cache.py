"""What is compiled of an endpoint, kept until its record changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from pipeline.domain.endpoint import Endpoint

T = TypeVar("T")


class EndpointCache(Generic[T]):
    """Compiles an endpoint when it is first asked for."""

    def __init__(self, compile_endpoint: Callable[[Endpoint], T]) -> None:
        self._compile = compile_endpoint
        self._compiled: dict[str, tuple[int, T]] = {}

    def get(self, endpoint: Endpoint) -> T:
        """Of this very version."""
        compiled = self._compiled.get(endpoint.id)
        if compiled is None or compiled[0] != endpoint.version:
            compiled = self._compiled[endpoint.id] = (endpoint.version, self._compile(endpoint))
        return compiled[1]

    def forget(self, endpoint_ids: Iterable[str]) -> None:
        for endpoint_id in endpoint_ids:
            self._compiled.pop(endpoint_id, None)
