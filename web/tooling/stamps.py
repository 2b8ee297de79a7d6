"""Remember what was built from what, so that nothing is built twice and nothing half-built is trusted.

A stamp is a file holding the hash of a step's inputs. It is deleted before the step begins and written after the step
has ended, so that a build killed half-way repeats that step the next time.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

IGNORED_NAMES = frozenset({"__pycache__", ".DS_Store", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"})


def files_below(folder: Path) -> Iterator[Path]:
    """Walk the source files of a folder in a fixed order, leaving out caches."""
    for directory, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if name not in IGNORED_NAMES)
        for name in sorted(names):
            if name not in IGNORED_NAMES and not name.endswith(".pyc"):
                yield Path(directory, name)


def file_hash(path: Path) -> str:
    """Hash a file's content: SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(*inputs: str | Path) -> str:
    """Hash the inputs of a step: text as it is, a file by its content, a folder by the names and contents below it.

    A path that does not exist counts as an input too: its appearing changes the hash.
    """
    total = hashlib.sha256()
    for value in inputs:
        if isinstance(value, str):
            total.update(f"text {len(value)} {value}\n".encode())
        elif value.is_dir():
            for path in files_below(value):
                total.update(f"file {path.relative_to(value).as_posix()} {file_hash(path)}\n".encode())
        elif value.is_file():
            total.update(f"file {value.name} {file_hash(value)}\n".encode())
        else:
            total.update(f"missing {value.name}\n".encode())
    return total.hexdigest()


def scratch_beside(path: Path) -> Path:
    """Name a file beside a path that no other thread or process writes at the same time."""
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")


def write_atomically(path: Path, content: str | bytes) -> None:
    """Put content at a path in one move: a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = scratch_beside(path)
    scratch.write_bytes(content.encode() if isinstance(content, str) else content)
    scratch.replace(path)


@dataclass(frozen=True)
class Step:
    """One step of a build.

    `outputs` must exist for the step to count as done. `stamps` is the folder that its stamp lies in.
    """

    name: str
    title: str
    inputs: tuple[str | Path, ...]
    outputs: tuple[Path, ...]
    action: Callable[[], None]
    stamps: Path

    @property
    def stamp(self) -> Path:
        """Name the file that says what this step was last built from."""
        return self.stamps / self.name

    def is_done(self, key: str) -> bool:
        """Tell whether the step's outputs are there and were made from inputs with this hash."""
        try:
            return self.stamp.read_text() == key and all(path.exists() for path in self.outputs)
        except FileNotFoundError:
            return False

    def bring_up_to_date(self, announce: Callable[[str], None] | None = None) -> bool:
        """Run the step if its inputs changed or its outputs are gone, and tell whether it ran."""
        key = digest(self.name, *self.inputs)
        if self.is_done(key):
            return False
        if announce is not None:
            announce(self.title)
        self.stamp.unlink(missing_ok=True)
        self.action()
        write_atomically(self.stamp, key)
        return True
