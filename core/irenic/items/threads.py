"""Calls that block, made in a thread and always seen through to their end."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

A = ParamSpec("A")
T = TypeVar("T")


async def in_thread(function: Callable[A, T], *args: A.args, **kwargs: A.kwargs) -> T:
    """Call a function in a thread; a cancellation is delivered only when the function has returned.

    A thread cannot be stopped, and whoever cleans up after a cancellation must not do so while it is still writing.
    """
    call = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        while not call.done():
            try:
                await asyncio.wait([call])
            except asyncio.CancelledError:
                continue
        if not call.cancelled():
            call.exception()
        raise
