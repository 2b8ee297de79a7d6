"""Where things lie in a store's folder, and in which format.

format.json                               the version of all this
flows/FLOW/.flow-info/HASH.json           pictures of the flow, shared by its executions
flows/FLOW/PROFILE/inputs.json            the flow's inputs
flows/FLOW/PROFILE/states.json            the states, folded up to some event
flows/FLOW/PROFILE/lease.json             who holds the profile, or held it last
flows/FLOW/PROFILE/interrupts/            interrupts for whoever holds it
flows/FLOW/PROFILE/executions/ABCD/ID.jsonl   the journals, by the first four characters of their ids (12 days each)
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from irenic.items.disk import make_directories, write_file_durably
from irenic.model.errors import StoreError
from irenic.model.ids import check_identifier

FORMAT = 2
"""The version that this code reads and writes."""


def _hide_flow_infos(root: Path) -> None:
    """Rename the folders of flows' pictures, which now could be mistaken for profiles: those may have hyphens."""
    for folder in (root / "flows").glob("*/flow-info"):
        hidden = folder.with_name(FLOW_INFO)
        if hidden.exists():  # this step was cut off
            for file in folder.iterdir():
                file.replace(hidden / file.name)
            folder.rmdir()
        else:
            folder.rename(hidden)


MIGRATIONS: dict[int, Callable[[Path], None]] = {1: _hide_flow_infos}
"""What brings a folder of version N to N + 1; a step that was cut off is begun anew, so it must stand that."""

MUTEX_TIMEOUT = 30.0
"""Seconds to wait for another process that is in the middle of a write."""

SHARD = 4
FLOW_INFO = ".flow-info"
JOURNAL = ".jsonl"
PACKED_JOURNAL = ".jsonl.gz"


class Layout:
    """The folder of a store; made when it is first written to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._is_ready = False

    def prepare(self) -> None:
        """Make the folder if it is missing, and bring it to this format if it is older.

        :raises StoreError: if it is of a newer format, or no store.
        """
        if not self.look():
            make_directories(self.root.parent)
            self.root.mkdir(mode=0o700, exist_ok=True)
            with mutex(self.root):
                if not (self.root / "format.json").exists():
                    (self.root / ".gitignore").write_text("*\n")
                    self._write_format(FORMAT)
        self._is_ready = True

    def look(self) -> bool:
        """Return whether the folder is there; an older one is brought to this format.

        :raises StoreError: as :meth:`prepare`.
        """
        if self._is_ready:
            return True
        version = self._version()
        if version is None:
            return False
        if version < FORMAT:
            try:
                self._migrate()
            except OSError:  # it cannot be written to; an older one is read as it is
                return True
        self._is_ready = True
        return True

    def profile(self, flow: str, profile: str) -> Path:
        """Return the folder of a flow's profile."""
        return self.root / "flows" / check_identifier(flow, "flow id") / check_identifier(profile, "profile")

    def flow_info(self, flow: str, digest: str) -> Path:
        """Return the file of a flow's picture."""
        return self.root / "flows" / check_identifier(flow, "flow id") / FLOW_INFO / f"{digest}.json"

    def profiles(self, flow: str | None = None) -> list[tuple[str, str]]:
        """Return the flows and profiles that there are, sorted."""
        flows = self.root / "flows"
        names = [flow] if flow is not None else _names(flows)
        return [(name, profile) for name in names for profile in _names(flows / name)]

    def _version(self) -> int | None:
        path = self.root / "format.json"
        try:
            text = path.read_text()
        except FileNotFoundError:
            # What is there where a process died while it made the store.
            begun = (".gitignore", "mutex", "format.json.new", "place.json", "place.json.new")
            if any(name not in begun for name in _names(self.root, all_names=True)):
                raise StoreError(
                    f"{self.root} is not a store: it has no format.json, but other files. Name another folder."
                ) from None
            return None
        except NotADirectoryError as error:
            raise StoreError(f"{self.root} is not a folder: name another one.") from error
        try:
            version = int(json.loads(text)["format"])
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(f"{path} cannot be read: restore it from a backup. Nothing was changed.") from error
        if version > FORMAT:
            raise StoreError(
                f"{self.root} has format {version}, and this irenic knows {FORMAT} at most: use a newer irenic. "
                "Nothing was changed."
            )
        return version

    def _migrate(self) -> None:
        with mutex(self.root):
            while (version := self._version() or 0) < FORMAT:
                if version not in MIGRATIONS:
                    raise StoreError(
                        f"{self.root} has format {version}, which this irenic cannot bring up to {FORMAT}."
                    )
                MIGRATIONS[version](self.root)
                self._write_format(version + 1)

    def _write_format(self, version: int) -> None:
        write_file_durably(self.root / "format.json", json.dumps({"format": version}).encode() + b"\n")


def journal_path(profile: Path, execution_id: str) -> Path:
    """Return the file of an execution's journal."""
    return profile / "executions" / execution_id[:SHARD] / f"{execution_id}{JOURNAL}"


def packed(path: Path) -> Path:
    """Return the file that a journal becomes when it is compressed."""
    return path.with_name(path.name.removesuffix(JOURNAL) + PACKED_JOURNAL)


def execution_ids(profile: Path, before: str | None = None) -> Iterator[str]:
    """Yield the ids of a profile's executions, newest first.

    :param before: an id; only older ones are yielded.
    """
    folder = profile / "executions"
    for shard in sorted(_names(folder), reverse=True):
        if before is not None and shard > before[:SHARD]:
            continue
        ids = {name.partition(".")[0] for name in _names(folder / shard) if name.endswith((JOURNAL, PACKED_JOURNAL))}
        for execution_id in sorted(ids, reverse=True):
            if before is None or execution_id < before:
                yield execution_id


@contextmanager
def mutex(folder: Path) -> Iterator[None]:
    """Keep all other processes, and other stores of this one, from writing to a folder until the block ends.

    :raises StoreError: if somebody else keeps it for longer than 30 s.
    """
    handle = os.open(folder / "mutex", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Return whether somebody holds the lock of a file."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _lock(handle: int, folder: Path) -> None:
    give_up = time.monotonic() + MUTEX_TIMEOUT
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise StoreError(
                    f"another process has kept {folder}/mutex for {MUTEX_TIMEOUT:g} s: is it stopped? "
                    "End it and try again."
                ) from None
            time.sleep(0.002)
        else:
            return


def _names(folder: Path, *, all_names: bool = False) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if all_names or not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
