"""Flow files: loading one, and finding the file of a flow that was run before."""

import contextlib
import json
import os
import re
import sys
from pathlib import Path

from irenic.flow.flow import Flow
from irenic.flow.script import load_flow, read_header
from irenic.model.errors import FlowError

REMEMBERED = "flow-files.json"
"""In the folder of a store: the file that each flow was last run from."""


class PackagesError(FlowError):
    """A package that a flow needs is not here, or cannot be had for a tab."""


def load_flow_file(path: Path) -> Flow:
    """Return the flow that a file defines; its own folder can be imported from, as with ``python FILE``.

    :raises FlowError: if it cannot be read or run.
    :raises PackagesError: if a package is missing; the message says what to install.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except IsADirectoryError:
        raise FlowError(f"{path} is a folder: name the flow's file in it.") from None
    except FileNotFoundError:
        raise FlowError(f"there is no file {path}: make one with `irenic new {path.stem}`.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FlowError(f"{path} cannot be read: {error}.") from error
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return load_flow(source, str(path))
    except FlowError as error:
        if isinstance(error.__cause__, ModuleNotFoundError):
            wanted = [name for name in read_header(source).dependencies if not name.startswith("irenic")]
            packages = " ".join(f"'{name}'" for name in wanted) or error.__cause__.name
            what, _, where = str(error).partition("\n")
            place = f"\n{where}" if where else ""
            raise PackagesError(f"{what} Install what it needs: pip install {packages}{place}") from error
        raise


def remember_flow_file(store: str, flow: Flow, path: Path) -> None:
    """Note in the store's folder which file a flow was run from, for ``irenic resume``."""
    folder = Path(store)
    if not folder.is_dir():
        return
    known = _remembered(folder)
    resolved = str(path.resolve())
    if known.get(flow.id) == resolved:
        return
    temporary = folder / f"{REMEMBERED}.{os.getpid()}"
    try:
        temporary.write_text(json.dumps({**known, flow.id: resolved}, indent=1))
        temporary.replace(folder / REMEMBERED)
    except OSError:  # the disk is full, or read only: a resume asks for the file then
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def find_flow_file(flow_id: str, store: str) -> Path:
    """Return the file of a flow: the one it was last run from, or the only one here that seems to define it.

    :raises FlowError: if there is none, or more than one.
    """
    known = _remembered(Path(store)).get(flow_id)
    if known is not None and Path(known).is_file():
        return Path(os.path.relpath(known)) if Path(known).is_relative_to(Path.cwd()) else Path(known)
    defines = re.compile(rf"\bFlow\(\s*[\"']{re.escape(flow_id)}[\"']")
    found = [path for path in sorted(Path().glob("*.py")) if defines.search(_text_of(path))]
    if len(found) == 1:
        return found[0]
    if not found:
        raise FlowError(f"the file of the flow {flow_id} is not known here: name it, `irenic resume ID FLOW.py`.")
    names = ", ".join(str(path) for path in found)
    raise FlowError(f"several files define the flow {flow_id} ({names}): name one, `irenic resume ID FLOW.py`.")


def _remembered(folder: Path) -> dict[str, str]:
    try:
        known = json.loads((folder / REMEMBERED).read_text())
    except (OSError, ValueError):
        return {}
    return {str(flow): str(path) for flow, path in known.items()} if isinstance(known, dict) else {}


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
