"""What a person sees of a build: steps with their times, and the end of a failing program's output."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tooling.errors import BuildError
from tooling.paths import LOGS, ROOT, shown
from tooling.stamps import Step

LOG_TAIL_LINES = 40
TTY_REFRESH_SECONDS = 0.25
HEARTBEAT_SECONDS = 20.0


class Console:
    """Write a build's progress to standard error, as lines, or as one rewritten line on a terminal."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ
        self.title = ""
        self.started = 0.0

    def say(self, text: str) -> None:
        """Write one line."""
        self.clear()
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take away the rewritten line."""
        if self.live:
            sys.stderr.write("\r\x1b[K")

    def run(self, step: Step) -> bool:
        """Bring a step up to date and show it while it runs; tell whether there was anything to do."""
        self.started = time.monotonic()
        ran = step.bring_up_to_date(self._announce)
        if ran:
            self.say(f"  done  {step.title}  {time.monotonic() - self.started:.1f} s")
        return ran

    @contextlib.contextmanager
    def timed(self, title: str) -> Iterator[None]:
        """Show work that has no stamp, while it goes on and with its time when it has ended."""
        self.started = time.monotonic()
        self._announce(title)
        yield
        self.say(f"  done  {title}  {time.monotonic() - self.started:.1f} s")

    def _announce(self, title: str) -> None:
        self.title = title
        if self.live:
            self._refresh()
        else:
            self.say(f"  ...   {title}")

    def _refresh(self) -> None:
        sys.stderr.write(f"\r\x1b[K  ...   {self.title}  {time.monotonic() - self.started:.0f} s")
        sys.stderr.flush()

    def command(
        self,
        arguments: Sequence[str | Path],
        *,
        log: str,
        next_step: str,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run a program to its end with its output in `build/logs/LOG.log`.

        Raises BuildError with the end of that output when the program is missing or fails.
        """
        LOGS.mkdir(parents=True, exist_ok=True)
        path = LOGS / f"{log}.log"
        words = [str(word) for word in arguments]
        with path.open("wb") as output:
            try:
                process = subprocess.Popen(
                    words,
                    cwd=cwd,
                    env={**os.environ, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            except FileNotFoundError as error:
                raise BuildError(f"{words[0]} is not installed.", next_step=next_step) from error
            with ended_with_us(process):
                self._wait(process)
        if process.returncode != 0:
            tail = path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
            raise BuildError(
                f"{Path(words[0]).name} ended with code {process.returncode}; all it wrote is in {shown(path)}.",
                next_step=next_step,
                log="\n".join(tail),
            )

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        last_sign = time.monotonic()
        while True:
            try:
                process.wait(timeout=TTY_REFRESH_SECONDS if self.live else HEARTBEAT_SECONDS)
            except subprocess.TimeoutExpired:
                if self.live:
                    self._refresh()
                elif time.monotonic() - last_sign >= HEARTBEAT_SECONDS:
                    last_sign = time.monotonic()
                    self.say(f"  ...   {self.title}  {last_sign - self.started:.0f} s so far")
            else:
                return


@contextlib.contextmanager
def ended_with_us(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Leave no program running behind when the block ends, for whatever reason it ends."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
