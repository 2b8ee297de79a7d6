"""The virtual environment: made from the Python that runs the build, filled from hash-pinned requirement files."""

import importlib.util
import os
import platform
import sys
from pathlib import Path
from typing import Literal

from tooling.console import Console
from tooling.errors import BuildError
from tooling.paths import PEER_VENV, REQUIREMENTS, ROOT, SERVER, VENV, VENV_BIN, VENV_PYTHON, VENV_STAMPS, WEB
from tooling.stamps import Step

Group = Literal["runtime", "test", "bench", "lock"]

RETRY = "Check the network and pip's settings (`pip config list`), then run the same command again."

IN_VENV = {"PYTHONPATH": str(WEB), "PYTHONDONTWRITEBYTECODE": "1"}
"""What a module of the build needs where it is run as a program of the environment."""

INSTALLING = VENV_STAMPS / "installing"
"""Is there while pip writes into the environment; found at a start, it tells of an installation killed half-way."""


def bring_environment_up_to_date(console: Console, *groups: Group) -> None:
    """Make `.venv` and install the given requirement groups and this tree's two distributions (editable)."""
    console.run(_venv_step(console))
    for group in groups:
        console.run(_packages_step(console, group))
    console.run(_editable_step(console))


def pip(console: Console, *arguments: str, log: str, python: Path = VENV_PYTHON) -> None:
    """Run an environment's pip: that of `.venv`, unless told otherwise."""
    console.command(
        [python, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments], log=log, next_step=RETRY
    )


def peer_environment_step(console: Console) -> Step:
    """Make `build/peer-venv/`, where peers are whose requirements contradict ours; from nothing at each change."""
    requirements = REQUIREMENTS / "bench-apart.txt"
    python = PEER_VENV / VENV_PYTHON.relative_to(VENV)

    def make() -> None:
        console.command([VENV_PYTHON, "-m", "venv", "--clear", PEER_VENV], log="peer-venv", next_step=RETRY)
        install = ("install", "--require-hashes", "-r", str(requirements))
        pip(console, *install, log="packages-bench-apart", python=python)

    return Step(
        name="peer-venv",
        title="Python packages (bench-apart)",
        inputs=(requirements, sys.version),
        outputs=(python,),
        action=make,
        stamps=PEER_VENV / "stamps",
    )


def _venv_step(console: Console) -> Step:
    if INSTALLING.exists():
        (VENV_STAMPS / "venv").unlink(missing_ok=True)
    return Step(
        name="venv",
        title=f"virtual environment, Python {platform.python_version()}",
        inputs=(str(VENV), sys.version, os.path.realpath(sys.base_prefix)),
        outputs=(VENV_PYTHON,),
        action=lambda: _make_venv(console),
        stamps=VENV_STAMPS,
    )


def _make_venv(console: Console) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    install_venv = (
        f"Install it (on Debian and Ubuntu: `apt-get install python{version}-venv`) and run the same command again."
    )
    if importlib.util.find_spec("ensurepip") is None:
        raise BuildError(f"This Python ({sys.executable}) cannot make virtual environments.", next_step=install_venv)
    console.command([sys.executable, "-m", "venv", "--clear", VENV], log="venv", next_step=install_venv)


def _packages_step(console: Console, group: Group) -> Step:
    requirements = REQUIREMENTS / f"{group}.txt"

    def install() -> None:
        INSTALLING.parent.mkdir(parents=True, exist_ok=True)
        INSTALLING.touch()
        try:
            # --no-compile: the bytecode of what is really imported is written at its first import.
            pip(
                console, "install", "--no-compile", "--require-hashes", "-r", str(requirements), log=f"packages-{group}"
            )
        except BuildError:
            INSTALLING.unlink()  # pip takes back by itself what it could not finish
            raise
        INSTALLING.unlink()

    return Step(
        name=f"packages-{group}",
        title=f"Python packages ({group})",
        inputs=(requirements,),
        outputs=(VENV_PYTHON,),
        action=install,
        stamps=VENV_STAMPS,
    )


def _editable_step(console: Console) -> Step:
    def install() -> None:
        pip(
            console,
            *("install", "--no-build-isolation", "--no-deps", "--no-index"),
            *("--editable", str(ROOT), "--editable", str(SERVER)),
            log="editable",
        )

    return Step(
        name="editable",
        title="irenic and irenic-server (editable)",
        inputs=(ROOT / "pyproject.toml", SERVER / "pyproject.toml"),
        outputs=(VENV_BIN / "irenic",),
        action=install,
        stamps=VENV_STAMPS,
    )
