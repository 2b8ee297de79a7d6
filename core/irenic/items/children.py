"""Child processes of items: they end with this process, and the next one knows them again.

Natively only. On Linux a process is known by its start in clock ticks since the machine was started; on macOS by the
time that ``ps`` prints.
"""

import asyncio
import atexit
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

from irenic.model.child import ChildProcess
from irenic.model.errors import IrenicError

GRACE = 5.0
"""Seconds that a process which was left behind has to end by itself before it is killed."""

LOOK_INTERVAL = 0.05

_WATCH = """
trap '' HUP INT TERM
while read -r sign group; do
  case $sign in
    +) groups="$groups $group" ;;
    -) left=
       for one in $groups; do [ "$one" = "$group" ] || left="$left $one"; done
       groups=$left ;;
  esac
done
for one in $groups; do kill -9 "-$one"; done
"""
"""Kills the process groups that it was told of, once the other end of its standard input is closed: by a process that
ended, however it did."""


class ParentWatch:
    """Ends process groups with this process: a shell watches it, in a session of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._shell: subprocess.Popen[bytes] | None = None

    def add(self, group: int) -> None:
        """End a group when this process ends."""
        with self._lock:
            self._groups.add(group)
            self._tell(f"+ {group}\n")

    def remove(self, group: int) -> None:
        """Let a group be: it has ended."""
        with self._lock:
            self._groups.discard(group)
            self._tell(f"- {group}\n")

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):
            if self._shell is not None:
                self._write(self._shell, line)
                return
        self._shell = self._started()
        self._write(self._shell, "".join(f"+ {group}\n" for group in self._groups))

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._shell is None:
            atexit.register(self._close)
        else:
            self._shell.wait()
        return subprocess.Popen(
            ["/bin/sh", "-c", _WATCH],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )

    @staticmethod
    def _write(shell: "subprocess.Popen[bytes]", line: str) -> None:
        assert shell.stdin is not None
        shell.stdin.write(line.encode())

    def _close(self) -> None:
        if self._shell is not None and self._shell.stdin is not None:
            self._shell.stdin.close()
            self._shell.wait()


watch = ParentWatch()
"""The one of this process."""


class NativeChildren:
    """See :class:`irenic.engine.platform.Children`."""

    def describe(self, pid: int) -> ChildProcess | None:
        """See the protocol."""
        started = _start_of(pid)
        return None if started is None else ChildProcess(pid=pid, started=started, machine=_machine())

    async def end(self, child: ChildProcess) -> bool:
        """See the protocol."""
        if not _is_alive(child):
            return False
        for number, seconds in ((signal.SIGTERM, GRACE), (signal.SIGKILL, GRACE)):
            try:
                os.killpg(child.pid, number)
            except ProcessLookupError:
                return True
            except PermissionError:
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while _is_alive(child):  # noqa: ASYNC110 - only a process's parent can wait for it
                        await asyncio.sleep(LOOK_INTERVAL)
                    with suppress(ProcessLookupError):
                        os.killpg(child.pid, signal.SIGKILL)  # what it had started itself
                    return True
        raise IrenicError(
            f"process {child.pid}, which an earlier run has left behind, is still at work and cannot be ended: "
            f"nothing was begun beside it. End it (`kill -9 -{child.pid}`), then run the same command again."
        )


def _is_alive(child: ChildProcess) -> bool:
    return child.machine == _machine() and child.started == _start_of(child.pid)


def _start_of(pid: int) -> str | None:
    """Return when a process started, or None where there is none, or one that has ended."""
    if sys.platform == "linux":
        try:
            state, *fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if state in "ZX" else fields[18]
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = shown.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else " ".join(started.split())


@cache
def _machine() -> str:
    if sys.platform == "linux":
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return subprocess.run(
        ["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=False
    ).stdout.strip()
