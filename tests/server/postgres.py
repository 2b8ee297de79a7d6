"""PostgreSQL for the tests: a cluster of its own on the loopback interface, in a folder of its own."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

UNPRIVILEGED = ("postgres", "nobody")
"""Users to run as where the tests run as root, which PostgreSQL refuses."""


def postgres_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, or None where it is not installed."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Cluster:
    """A running PostgreSQL."""

    def __init__(self, port: int, control: Callable[..., None]) -> None:
        self._port = port
        self._control = control
        self._made = 0

    def stop(self) -> None:
        """End it as an administrator does, connections and all."""
        self._control("-m", "fast", "stop")

    def start(self) -> None:
        """Start it again."""
        self._control("start")

    def address(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://irenic@127.0.0.1:{self._port}/{name}"

    def new_database(self, on: Path | None = None) -> str:
        """Make an empty database and return its address.

        :param on: folder of a disk of its own for its tables.
        """
        self._made += 1
        name = f"test_{self._made}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            if on is None:
                connection.execute(f"CREATE DATABASE {name}".encode())
            else:
                connection.execute(f"CREATE TABLESPACE {name} LOCATION '{_own_folder(on)}'".encode())
                connection.execute(f"CREATE DATABASE {name} TABLESPACE {name} STRATEGY file_copy".encode())
        return self.address(name)


@contextmanager
def running_cluster(programs: Path, folder: Path) -> Iterator[Cluster]:
    """Run a cluster until the block ends."""
    user = _unprivileged_user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
        _let_through(folder)
    data = folder / "data"
    _run(
        [programs / "initdb", "-D", data, "-U", "irenic", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"], user
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c max_connections=200"
    log = folder / "log"

    def control(*words: str) -> None:
        _run([programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, *words], user)

    control("start")
    try:
        yield Cluster(port, control)
    finally:
        if (data / "postmaster.pid").exists():
            control("-m", "immediate", "stop")


def _own_folder(parent: Path) -> Path:
    """Return a new folder in another one, which the user of the cluster may use."""
    folder = parent / "tables"
    folder.mkdir()
    user = _unprivileged_user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
        _let_through(folder)
    return folder


def _unprivileged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"PostgreSQL does not run as root, and there is none of the users {UNPRIVILEGED}")


def _let_through(folder: Path) -> None:
    """Let another user reach a folder below those that pytest makes for its own user alone."""
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and parent.is_relative_to("/tmp") and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)


def _run(command: list[str | Path], user: pwd.struct_passwd | None) -> None:
    done = subprocess.run(
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        user=user.pw_uid if user is not None else None,
        group=user.pw_gid if user is not None else None,
        extra_groups=[] if user is not None else None,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode()}")
