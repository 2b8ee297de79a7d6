"""The page's modules, compiled, in one file: the build ends this module with ``mount({path: bytecode})``.

One by one they would be fetched in more than thirty requests, and compiled at each visit.
"""

import io
import sys

import vfs

_PLACE = "/packed"
_FOLDER, _FILE = 0x4000, 0x8000
_NO_SUCH_FILE = 2


class Packed:
    """A file system that MicroPython imports from: https://docs.micropython.org/en/latest/library/vfs.html."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files
        self._folders = {path.rpartition("/")[0] for path in files}

    def mount(self, readonly: bool, mkfs: bool) -> None:
        """Be mounted: there is nothing to prepare."""

    def stat(self, path: str) -> tuple[int, ...]:
        """Tell a folder from a file: of what `os.stat` gives, the one thing that imports look at."""
        if path not in self._files and path not in self._folders:
            raise OSError(_NO_SUCH_FILE)
        return (_FILE if path in self._files else _FOLDER, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    def open(self, path: str, mode: str) -> io.BytesIO:
        """Open a file for reading."""
        return io.BytesIO(self._files[path])


def mount(files: dict[str, bytes]) -> None:
    """Have modules imported from these files, by path."""
    vfs.mount(Packed(files), _PLACE)
    sys.path.insert(0, _PLACE)
