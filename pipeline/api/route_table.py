"""Which operations there are at a path, and which query parameters each one knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

from pipeline.api.problems import FieldError, Problem, invalid, of_status
from pipeline.domain.document import nearest

VERSIONED: Final = "/v1/"
"""All below is the API proper."""
_MAX_PARAMETERS: Final = 100


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done by one method at one path."""

    path: str
    """With the names of its parameters: `/v1/accounts/{account}`."""
    query: frozenset[str]
    """The parameters that it knows."""


Operations = Mapping[str, Operation]
"""By method; never empty."""


class RouteTable:
    """All operations of an application."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = [route for route in routes if isinstance(route, Route)]
        self._fixed = {
            route.path: self._matching(route.path)
            for route in self._routes
            if not route.param_convertors
        }

    @property
    def routes(self) -> Sequence[Route]:
        """In the order in which they are tried."""
        return self._routes

    def operations(self, path: str) -> Operations | None:
        """None where there is nothing."""
        return self._fixed.get(path) or self._matching(path) or None

    def _matching(self, path: str) -> dict[str, Operation]:
        found: dict[str, Operation] = {}
        for route in self._routes:
            if route.path_regex.match(path):
                operation = Operation(route.path, query_of(route))
                for method in route.methods or ():
                    found.setdefault(method, operation)
        return found


def query_of(route: Route) -> frozenset[str]:
    """The names of the query parameters that a route knows."""
    return frozenset(_query_names(route.dependant)) if isinstance(route, APIRoute) else frozenset()


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _query_names(each)


def operation_of(operations: Operations | None, method: str) -> Operation:
    """Raises Problem: 404 or 405."""
    if operations is None:
        raise of_status(HTTPStatus.NOT_FOUND, "There is no such resource.")
    operation = operations.get(method)
    if operation is None:
        raise of_status(
            HTTPStatus.METHOD_NOT_ALLOWED, f"Here are only: {', '.join(allowed(operations))}."
        )
    return operation


def allowed(operations: Operations) -> list[str]:
    """The methods, for the header `Allow`."""
    methods = {*operations, "HEAD"} if "GET" in operations else set(operations)
    return sorted(methods)


def check_query(query_string: bytes, operation: Operation) -> None:
    """Raises Problem (422): a parameter is unknown, or given twice."""
    if not query_string:
        return
    seen: set[str] = set()
    errors: list[FieldError] = []
    for name, value in _pairs(query_string):
        if "\0" in value:
            errors.append(FieldError(f"#query/{name}", "contains a NUL: leave it out"))
        elif name not in operation.query:
            advice = nearest(name, sorted(operation.query))
            errors.append(FieldError(f"#query/{name}", f"unknown parameter: {advice}"))
        elif name in seen:
            errors.append(FieldError(f"#query/{name}", "given twice: give it once"))
        seen.add(name)
    if errors:
        raise invalid(errors)


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    """Raises Problem (422)."""
    try:
        return parse_qsl(
            query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS
        )
    except ValueError as exc:
        raise _too_many() from exc


def _too_many() -> Problem:
    return invalid([FieldError("#query", f"more than {_MAX_PARAMETERS} parameters")])
