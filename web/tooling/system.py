"""Programs that come from the system's own packages, where this program may install them."""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from tooling.console import Console
from tooling.errors import BuildError

NONINTERACTIVE = {"DEBIAN_FRONTEND": "noninteractive"}
APT_GET = ("apt-get", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120")


def is_root() -> bool:
    """Tell whether this program may do everything on this machine."""
    return sys.platform != "win32" and os.geteuid() == 0


def can_install() -> bool:
    """Tell whether this program may install the system's packages: root on Debian or one of its kin."""
    return is_root() and shutil.which("apt-get") is not None


def find_program(variable: str, names: Iterable[str]) -> Path | None:
    """Name the program that an environment variable chooses, or else the first of these names on the PATH.

    Raises BuildError when the variable names no program.
    """
    if chosen := os.environ.get(variable):
        path = shutil.which(chosen)
        if path is None:
            raise BuildError(
                f"{variable} is set to {chosen}, which is not a program.", next_step=f"Correct or unset {variable}."
            )
        return Path(path)
    return next((Path(path) for name in names if (path := shutil.which(name))), None)


def install(console: Console, title: str, *packages: str, next_step: str) -> None:
    """Install the system's packages; raise BuildError where that fails."""
    with console.timed(f"{title}, from the system's packages"):
        console.command([*APT_GET, "update"], env=NONINTERACTIVE, log="system-update", next_step=next_step)
        console.command(
            [*APT_GET, "install", "--yes", "--no-install-recommends", *packages],
            env=NONINTERACTIVE,
            log=f"system-{packages[0]}",
            next_step=next_step,
        )


def provide_counterparts(console: Console) -> None:
    """Install the servers that tests run against in continuous integration; elsewhere say what is left out."""
    if not (shutil.which("initdb") or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))):
        _provide(console, "PostgreSQL", "postgresql")
    if find_nginx() is None:
        _provide(console, "nginx", "nginx-light")


def find_nginx() -> Path | None:
    """Name nginx, which lies where only administrators look; None where it is not installed."""
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    return Path(path) if path is not None else None


def _provide(console: Console, title: str, package: str) -> None:
    if "CI" in os.environ and can_install():
        install(console, title, package, next_step=f"Run `apt-get install {package}`, and this again.")
    else:
        console.say(f"  note  without {title} (on Debian: `apt-get install {package}`) its tests are skipped")
