"""Paths of files that an item may touch: relative, with ``/``, never leaving the root."""

from typing import Annotated

from pydantic import AfterValidator

from irenic.model.errors import ItemFailure

PARTIAL = ".irenic-partial"
"""The folder below the root where unfinished files are kept; no listing shows it."""


def path_parts(path: str) -> tuple[str, ...]:
    """Return the steps of a relative path; none of the root itself.

    :raises ItemFailure: if the path is absolute, goes up, or holds a character that a file name cannot have.
    """
    why = unsafe_because(path)
    if why is not None:
        raise ItemFailure(
            f"{path!r} cannot be used as a path: {why}. Use a path below the folder that files are kept in."
        )
    return tuple(part for part in path.split("/") if part not in ("", "."))


def normalized_path(path: str) -> str:
    """Return a relative path without empty steps and dots: the same text for the same file.

    :raises ItemFailure: as :func:`path_parts`.
    """
    return "/".join(path_parts(path))


def file_parts(path: str) -> tuple[str, ...]:
    """Return the steps of a path that names something below the root.

    :raises ItemFailure: as :func:`path_parts`, and if the path is the root itself.
    """
    parts = path_parts(path)
    if not parts:
        raise ItemFailure(f"{path!r} names the folder that all files are kept in: name something below it.")
    return parts


def unsafe_because(path: str) -> str | None:
    """Return why a path could leave the root or cannot be kept, or None where it is safe."""
    if path.startswith(("/", "\\")) or (len(path) > 1 and path[1] == ":" and path[0].isalpha()):
        return "it is absolute"
    if "\\" in path:
        return "it has a backslash"
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        return "it has a control character"
    steps = path.split("/")
    if ".." in steps:
        return "it has a step that goes up"
    if PARTIAL in steps:
        return f"{PARTIAL} is kept for unfinished files"
    try:
        path.encode()
    except UnicodeEncodeError:
        return "it is not Unicode text"
    return None


def _checked(path: str) -> str:
    why = unsafe_because(path)
    if why is not None:
        raise ValueError(f"must be a path below the folder that files are kept in, but {why}")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts:
        raise ValueError("must name something below the folder that files are kept in")
    return "/".join(parts)


RelativePath = Annotated[str, AfterValidator(_checked)]
"""The path of a file or directory below the folder that files are kept in, with ``/``."""
