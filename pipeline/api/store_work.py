"""Work with the store, which blocks, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What the function answers or raises. It goes on where the request is cancelled."""
    return await asyncio.to_thread(function, *args, **kwargs)
