"""The real server, as its own process on a real SQLite file."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ENDS_WITHIN = 20.0


class ServerProcess:
    """A running server.

    :param announced: the address that it printed, with its token; ``address`` is the same without path and token.
    """

    def __init__(self, process: subprocess.Popen[str], announced: str) -> None:
        self.process = process
        self.announced = announced
        self.address = announced.partition("/?")[0]
        self.token = announced.rpartition("=")[2]

    def end(self) -> None:
        """Tell it to end, and wait until it has."""
        self.process.terminate()
        try:
            self.process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return urlsplit(self.address).port or 0


@contextmanager
def running_server(
    site: Path, database: Path, *, port: int = 0, token: str | None = None, options: Sequence[str] = ()
) -> Iterator[ServerProcess]:
    """Run a server until the block ends; it says itself where it is to be found."""
    command = [sys.executable, "-m", "irenic_server", "--site", str(site), "--database", str(database)]
    command += ["--port", str(port)] + ([f"--token={token}"] if token is not None else []) + list(options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        announced = next((line.strip() for line in process.stdout if line.startswith("http://")), None)
        if announced is None:
            raise RuntimeError("the server ended before it said where it is")
        server = ServerProcess(process, announced)
        try:
            yield server
        finally:
            server.end()


SERVER_AWAY = ("net::ERR_", "Failed to fetch", "An unknown error occurred when fetching the script")
"""What a browser complains of while a server is away."""


@contextmanager
def replaced_server(old: ServerProcess, site: Path, database: Path, *, token: str) -> Iterator[ServerProcess]:
    """End a server, and run another one with another token at the same address."""
    old.end()
    with running_server(site, database, port=old.port, token=token) as server:
        yield server
