"""From sources and packages to the site: the steps in their order, each skipped while its inputs have not changed."""

from pathlib import Path

from tooling.assembly import MANIFEST, assemble
from tooling.console import Console
from tooling.environment import IN_VENV
from tooling.errors import BuildError
from tooling.packages import node_packages_step, tab_wheels_step
from tooling.paths import (
    BOOT_FILES,
    CORE,
    EXPORTS,
    PAGE,
    REQUIREMENTS,
    SCRIPT_SOURCES,
    SITE,
    STAMPS,
    VENV_PYTHON,
    WEB,
    WHEELS,
)
from tooling.sample import SAMPLE_SOURCES
from tooling.scripts import scripts_step
from tooling.stamps import Step
from tooling.wheel import core_wheel_step

FAST_QUALITY, BEST_QUALITY = 6, 11

SLOW_START = "tabs start by the ordinary lock file, several times slower than from a memory snapshot"


def bring_site_up_to_date(
    console: Console, browser: Path | None, *, best_compression: bool = False, needs_snapshot: bool = False
) -> None:
    """Bring `build/site/` up to date.

    Where the memory snapshot cannot be made, the site goes without it and this is said, unless it is needed.
    """
    console.run(node_packages_step(console))
    console.run(tab_wheels_step(console))
    console.run(core_wheel_step(console))
    console.run(scripts_step(console))
    console.run(_page_step(console))
    console.run(_exports_step(console))
    _make_fast_start(console, browser, needs_snapshot=needs_snapshot)
    console.run(_site_step(console, best_compression=best_compression))


def _page_step(console: Console) -> Step:
    """Compile and pack the page's own Python."""

    def pack() -> None:
        console.command(
            [VENV_PYTHON, "-m", "tooling.page_python"],
            env=IN_VENV,
            log="page",
            next_step="Mend what the output names, and run the same command again.",
        )

    return Step(
        name="page",
        title="the page's Python",
        inputs=(
            *(WEB / "ui", WEB / "package-lock.json", WEB / "tooling" / "page_python.py"),
            REQUIREMENTS / "runtime.txt",
        ),
        outputs=(PAGE / "packed.mpy",),
        action=pack,
        stamps=STAMPS,
    )


def _exports_step(console: Console) -> Step:
    """Write what the page is told about the core, in files that the core itself makes: flows and messages."""

    def export() -> None:
        console.command(
            [VENV_PYTHON, "-m", "tooling.exports"],
            env=IN_VENV,
            log="exports",
            next_step="Mend what the output names, in web/flows or core/, and run the same command again.",
        )

    return Step(
        name="exports",
        title="flow pictures and message schema",
        inputs=(CORE, WEB / "flows", WEB / "tooling", REQUIREMENTS / "runtime.txt"),
        outputs=(EXPORTS,),
        action=export,
        stamps=STAMPS,
    )


def _make_fast_start(console: Console, browser: Path | None, *, needs_snapshot: bool) -> None:
    try:
        console.run(_fast_start_step(console, browser))
    except BuildError as error:
        if needs_snapshot or browser is None:
            raise
        console.say(f"{error.log}\n  note  {error}\n  note  Without what that was to make, {SLOW_START}.")
        console.run(_fast_start_step(console, None))
    else:
        if browser is None:
            console.say(f"  note  no Chromium or Chrome was found: {SLOW_START}")


def _fast_start_step(console: Console, browser: Path | None) -> Step:
    """Make the bytecode bundle and the memory snapshot, in a browser, out of the site as it is without them."""

    def make() -> None:
        assemble()
        console.command(
            [
                *(VENV_PYTHON, "-m", "boot.make.fast_boot"),
                *("--site", SITE, "--scripts", SCRIPT_SOURCES, "--out", BOOT_FILES),
                *(("--browser", browser) if browser else ()),
            ],
            env=IN_VENV,
            log="fast-start",
            next_step="Mend what the output names, in web/boot or core/, and run the same command again.",
        )

    return Step(
        name="fast-start",
        title="bytecode bundle and memory snapshot" if browser else "start by the lock file",
        inputs=(
            *(WEB / "boot", WHEELS / "core-wheel", WEB / "wheels.txt", STAMPS / "scripts"),
            f"{browser} {browser.resolve().stat().st_mtime_ns}" if browser else "no browser",
        ),
        outputs=(BOOT_FILES / "assets.json",),
        action=make,
        stamps=STAMPS,
    )


def _site_step(console: Console, *, best_compression: bool) -> Step:
    quality = BEST_QUALITY if best_compression else FAST_QUALITY

    def make() -> None:
        assemble()
        console.command(
            [VENV_PYTHON, "-m", "tooling.compression", "--quality", str(quality)],
            env=IN_VENV,
            log="compression",
            next_step="Run `python3 build.py clean`, then the same command again.",
        )

    return Step(
        name="site",
        title="site",
        inputs=(str(quality), WEB, EXPORTS, PAGE, WHEELS / "core-wheel", BOOT_FILES / "assets.json", *SAMPLE_SOURCES),
        outputs=(SITE / MANIFEST,),
        action=make,
        stamps=STAMPS,
    )
