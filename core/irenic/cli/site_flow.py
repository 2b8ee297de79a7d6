"""A flow as a site shows it: its file, its picture, and the wheels that a tab installs for it."""

import multiprocessing
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irenic.cli.flow_wheels import FlowWheels
from irenic.cli.flows import PackagesError, load_flow_file
from irenic.cli.tab_python import TabPython
from irenic.flow.script import FlowHeader, read_header
from irenic.model.errors import FlowError
from irenic.model.flow_info import FlowInfo

WHEELS = "vendor/wheels"
"""Where wheels lie in a site."""


@dataclass(frozen=True)
class SiteFlow:
    """A flow of a site; ``problem`` says why no tab can run it."""

    name: str
    info: FlowInfo
    wheels: Sequence[Path] = ()
    problem: str | None = None

    def entry(self) -> dict[str, Any]:
        """Return what ``flows/index.json`` says of it; the addresses of its wheels are relative to the site's root."""
        wheels = [f"{WHEELS}/{wheel.name}" for wheel in self.wheels]
        entry = {"name": self.name, "id": self.info.id, "summary": self.info.summary, "wheels": wheels}
        return entry if self.problem is None else {**entry, "problem": self.problem}


def read_flow(path: Path, tab: TabPython, wheels: FlowWheels) -> SiteFlow:
    """Read a flow's file and find its wheels; where they cannot be had, but the flow can be loaded, say why.

    :raises PackagesError: if the flow can neither be run in a tab nor be loaded here.
    :raises FlowError: if the file defines no flow, or its header cannot be read.
    """
    try:
        found = wheels.of(path, _header_of(path), tab)
    except PackagesError as problem:
        try:
            return SiteFlow(path.stem, _loaded(path)[0], problem=str(problem))
        except FlowError:
            raise problem from None
    info, problem_of_items = _read(path, found)
    return SiteFlow(path.stem, info, found, problem_of_items)


def _header_of(path: Path) -> FlowHeader:
    try:
        return read_header(path.read_text(encoding="utf-8"))
    except FlowError as error:
        raise FlowError(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError):
        return FlowHeader.model_validate({})  # whoever loads the file says what is wrong with it


def _read(path: Path, wheels: Sequence[Path]) -> tuple[FlowInfo, str | None]:
    """Return a flow's picture, and why no tab runs its items, if none does.

    What it needs beyond the core is imported in another process, and not in this one.
    """
    if not wheels:
        return _loaded(path)
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as other:
        return other.submit(_read_with_wheels, path, wheels).result()


def _read_with_wheels(path: Path, wheels: Sequence[Path]) -> tuple[FlowInfo, str | None]:
    """Do as :func:`_loaded`; what is not installed here is taken from its wheels, as far as they are Python alone."""
    with tempfile.TemporaryDirectory(prefix="irenic-wheels-") as folder:
        for wheel in wheels:
            if wheel.name.endswith("-none-any.whl"):
                zipfile.ZipFile(wheel).extractall(folder)
        sys.path.append(folder)
        return _loaded(path)


def _loaded(path: Path) -> tuple[FlowInfo, str | None]:
    flow = load_flow_file(path)
    native = {id: type(item).__name__ for id, item in flow.items.items() if not item.runs_in_tab}
    if not native:
        return flow.info(), None
    items = ", ".join(f"{id} ({name})" for id, name in native.items())
    why = f"{path.name} has items that only run natively: {items}. Run it with `irenic ensure {path.name}`."
    return flow.info(), why
