"""Dependencies point one way, and platforms stay in their places; read from the source."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "core" / "irenic"

RINGS = [{"model"}, {"flow"}, {"engine"}, {"stores", "endpoints", "items", "guards"}, {"cli", "__main__"}]
"""From the innermost outwards; a module may import what is further in, or in its own ring."""

PURE = {"model", "flow", "engine"}
PLATFORM = {"js", "pyodide", "pyodide_js", "fcntl", "signal", "msvcrt", "termios"}
PLATFORM_PLACES = {"stores", "endpoints", "items"}
OUTSIDE = {"irenic_server", "tooling", "ui", "tests"}
NEEDED = {"pydantic", "pydantic_core", "typing_extensions"}


def modules() -> list[Path]:
    """Return every module of the core."""
    return sorted(CORE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield what a module imports, by its full dotted name, wherever in the module that stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


def place_of(path: Path) -> str:
    """Return the first part of a module's name below ``irenic``; empty for the package itself."""
    first = path.relative_to(CORE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def ring_of(place: str) -> int:
    """Return how far out a place is."""
    found = [number for number, ring in enumerate(RINGS) if place in ring]
    assert found, f"{place} is in no ring: say where it belongs"
    return found[0]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CORE)))
def test_a_module_imports_only_what_is_further_in(path: Path) -> None:
    """Model, flow, engine, then stores, endpoints and items, then the command line."""
    place = place_of(path)
    if place == "":
        return  # the package itself gathers the public names
    own = ring_of(place)
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] not in OUTSIDE, f"{path} imports {name}"
        if parts[0] != "irenic":
            continue
        known = len(parts) > 1 and any(parts[1] in ring for ring in RINGS)
        other = ring_of(parts[1]) if known else ring_of("engine")
        assert other < own or (known and other == own), f"{path} imports {name}, which is further out"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CORE)))
def test_platforms_are_imported_only_where_they_belong(path: Path) -> None:
    """In stores, endpoints and items; model, flow and engine need pydantic and nothing else."""
    place = place_of(path)
    for name in imports(path):
        first = name.split(".")[0]
        if place not in PLATFORM_PLACES:
            assert first not in PLATFORM, f"{path} imports {name}"
        if place in PURE:
            assert first in NEEDED | {"irenic"} or first in sys.stdlib_module_names, f"{path} imports {name}"


def test_model_and_flow_do_no_input_or_output() -> None:
    """Nor do they know of an event loop."""
    for path in modules():
        if place_of(path) in ("model", "flow"):
            found = {name.split(".")[0] for name in imports(path)}
            assert not found & {"asyncio", "socket", "subprocess", "threading", "tempfile", "pathlib"} - allowed(path)


def allowed(path: Path) -> set[str]:
    """Return what a module may use all the same: types are compared with those of paths."""
    return {"pathlib"} if path.name == "types.py" else set()
