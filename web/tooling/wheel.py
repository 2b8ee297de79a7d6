"""The core's wheels, byte for byte the same from the same tree, and the lock file that Pyodide loads wheels by."""

import json
import re
import shutil
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from tooling.console import Console
from tooling.environment import IN_VENV
from tooling.errors import BuildError
from tooling.packages import normalised
from tooling.paths import CORE, NODE_MODULES, REQUIREMENTS, ROOT, TAB_WHEELS, VENV_PYTHON, WEB, WHEELS
from tooling.stamps import Step, file_hash

TAB_WHEEL_BUDGET = 200_000
"""The most bytes that the wheel for the tab may have: a tab downloads it before anything can run."""

SOURCE_DATE_EPOCH = "1735689600"
"""The time stamped on every file in the wheel: 2025-01-01, whenever it is built."""


def core_wheel_step(console: Console) -> Step:
    """Build the core's wheel into `build/wheels/`, and what the tab needs of it into `build/wheels/tab/`."""

    def build() -> None:
        scratch = WHEELS / ".scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        console.command(
            [VENV_PYTHON, "-m", "hatchling", "build", "-t", "wheel", "-d", scratch],
            env={"SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH},
            log="core-wheel",
            next_step="Mend what the output names in pyproject.toml or core/, then run the same command again.",
        )
        (built,) = scratch.glob("*.whl")
        for_tab = scratch / "tab" / built.name
        console.command(
            [VENV_PYTHON, "-m", "tooling.tab_wheel", built, for_tab],
            env=IN_VENV,
            log="tab-wheel",
            next_step="Mend what the output names in web/tooling/tab_wheel.py, then run the same command again.",
        )
        check_budget(for_tab)
        for old in WHEELS.rglob("*.whl"):
            if scratch not in old.parents:
                old.unlink()
        (WHEELS / "tab").mkdir(exist_ok=True)
        built.replace(WHEELS / built.name)
        for_tab.replace(WHEELS / "tab" / built.name)
        shutil.rmtree(scratch)

    return Step(
        name="core-wheel",
        title="wheel of the core",
        inputs=(
            *(CORE, ROOT / "pyproject.toml", ROOT / "LICENSE", REQUIREMENTS / "runtime.txt", SOURCE_DATE_EPOCH),
            WEB / "tooling" / "tab_wheel.py",
        ),
        outputs=(WHEELS,),
        action=build,
        stamps=WHEELS,
    )


def check_budget(wheel: Path) -> None:
    """Raise BuildError when a wheel is larger than the tab's budget."""
    size = wheel.stat().st_size
    if size > TAB_WHEEL_BUDGET:
        raise BuildError(
            f"{wheel.name} has {size:,} bytes for the tab, and its budget is {TAB_WHEEL_BUDGET:,}.",
            next_step="Make core/ smaller, or move what the tab does not need into server/.",
        )


def tab_wheel() -> Path:
    """Name the core's wheel for the tab."""
    (wheel,) = (WHEELS / "tab").glob("irenic-*.whl")
    return wheel


def wheels_of_every_tab() -> list[Path]:
    """List what every tab can load, whichever flow it runs: the core's wheel and what `web/wheels.txt` pins."""
    return [*TAB_WHEELS.glob("*.whl"), tab_wheel()]


def lock_of(wheels: list[Path]) -> dict[str, Any]:
    """Describe wheels as a Pyodide lock file, for wheels that lie beside it.

    Format: https://pyodide.org/en/stable/usage/api/js-api.html, `lockFileURL`; `info` is that of the vendored Pyodide.
    """
    stock = json.loads((NODE_MODULES / "pyodide" / "pyodide-lock.json").read_text())
    names = {normalised(wheel.name.split("-")[0]) for wheel in wheels}
    return {"info": stock["info"], "packages": dict(sorted(_lock_entry(wheel, names) for wheel in wheels))}


def _lock_entry(wheel: Path, known: set[str]) -> tuple[str, dict[str, Any]]:
    name = normalised(wheel.name.split("-")[0])
    with zipfile.ZipFile(wheel) as archive:
        members = archive.namelist()
        (metadata,) = [member for member in members if re.fullmatch(r"[^/]+\.dist-info/METADATA", member)]
        headers = HeaderParser().parsestr(archive.read(metadata).decode())
    needed = {normalised(name) for name in _unconditional(headers.get_all("Requires-Dist") or [])}
    return name, {
        "name": name,
        "version": headers["Version"],
        "file_name": wheel.name,
        "install_dir": "site",
        "package_type": "package",
        "sha256": file_hash(wheel),
        "imports": sorted({_import_name(member) for member in members} - {""}),
        "depends": sorted(needed & known),
        "unvendored_tests": False,
    }


def _unconditional(requirements: list[str]) -> list[str]:
    """Name the distributions required without a marker; markers name extras and platforms that a tab is not."""
    return [
        re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        for requirement in requirements
        if ";" not in requirement
    ]


def _import_name(member: str) -> str:
    top, _, rest = member.partition("/")
    if rest:
        return "" if top.endswith((".dist-info", ".data")) else top
    return top.removesuffix(".py") if top.endswith(".py") else ""
