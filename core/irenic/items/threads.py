"""Calls that block, made in a thread and always seen through to their end."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

A = ParamSpec("A")
T = TypeVar("T")

_threads = ThreadPoolExecutor(32, thread_name_prefix="irenic files")
"""Threads for irenic's own files and stores: a function of an item that blocks never keeps them waiting."""


async def in_thread(function: Callable[A, T], *args: A.args, **kwargs: A.kwargs) -> T:
    """Call a function in a thread; a cancellation is delivered only when the function has returned.

    A thread cannot be stopped, and whoever cleans up after a cancellation must not do so while it is still writing.
    """
    # Not `to_thread`: that is a task, which is cancelled itself when a program ends its event loop.
    work = partial(contextvars.copy_context().run, function, *args, **kwargs)
    call: asyncio.Future[T] = asyncio.get_running_loop().run_in_executor(_threads, work)
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
