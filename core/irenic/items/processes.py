"""Child processes that end when they are told to."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from irenic.items.children import watch
from irenic.model.errors import ItemFailure

MOST_OUTPUT = 1024 * 1024
"""Bytes of output that are taken from a script."""

LAST_WORDS = 1.0
"""Seconds that the pipes of an ended script have to close."""

_GATE = 'read -r go || exit 125; exec /bin/sh -c "$1" </dev/null'
"""Waits for a line before the script begins: if none comes, because this process has died, it never does."""

LINES_SHOWN = 5
"""Last lines of stderr that are told with an error."""


async def run_script(
    script: str,
    *,
    name: str,
    env: Mapping[str, str],
    grace: float,
    on_start: Callable[[int], Awaitable[None]],
    on_error_line: Callable[[str], None],
) -> str:
    """Run a shell script and return what it prints.

    It ends with this process, however that ends. It has a process group of its own. Where this call is cancelled, the
    group is asked to end, and killed if it has not after ``grace`` seconds; only then does the cancellation go on.

    :param name: how the script is called in messages.
    :param on_start: called with its process id, and waited for before the script begins.
    :param on_error_line: called with each line that it writes to stderr.
    :raises ItemFailure: if it cannot be started, ends with another code than 0, or prints too much.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            _GATE,
            "sh",
            script,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **env},
            start_new_session=True,
        )
    except OSError as error:
        raise ItemFailure(f"the script `{name}` could not be started: {error.strerror}.") from error
    watch.add(process.pid)
    try:
        await on_start(process.pid)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
        async with asyncio.TaskGroup() as tasks:
            output = tasks.create_task(_output(process, name))
            errors = tasks.create_task(_error_lines(process, on_error_line))
        code = await process.wait()
    except BaseException as error:
        await _end(process, grace)
        if isinstance(error, ExceptionGroup):
            raise error.exceptions[0] from None
        raise
    finally:
        watch.remove(process.pid)
    if code != 0:
        told = "".join(f"\n  {line}" for line in errors.result())
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"failed with exit code {code}"
        raise ItemFailure(f"the script `{name}` {how}{':' if told else '.'}{told}")
    return output.result()


async def _output(process: asyncio.subprocess.Process, name: str) -> str:
    assert process.stdout is not None
    parts: list[bytes] = []
    while chunk := await process.stdout.read(65_536):
        parts.append(chunk)
        if sum(map(len, parts)) > MOST_OUTPUT:
            raise ItemFailure(f"the script `{name}` prints more than {MOST_OUTPUT:,} bytes: print a summary.")
    return b"".join(parts).decode(errors="replace")


async def _error_lines(process: asyncio.subprocess.Process, tell: Callable[[str], None]) -> list[str]:
    assert process.stderr is not None
    last: deque[str] = deque(maxlen=LINES_SHOWN)
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # a line longer than the reader's buffer
            line = await process.stderr.read(65_536)
        if not line:
            return list(last)
        text = line.decode(errors="replace").rstrip()
        last.append(text)
        tell(text)


async def _end(process: asyncio.subprocess.Process, grace: float) -> None:
    """End the whole process group: what the script started goes with it."""
    try:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await process.wait()
    finally:
        _signal(process, signal.SIGKILL)
    await process.wait()
    with suppress(TimeoutError):  # a process that has left the group may still hold the other ends
        async with asyncio.timeout(LAST_WORDS):
            await asyncio.gather(_drain(process.stdout), _drain(process.stderr))


async def _drain(stream: asyncio.StreamReader | None) -> None:
    """Read a stream to its end, by which its pipe is closed."""
    while stream is not None and await stream.read(65_536):
        pass


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
