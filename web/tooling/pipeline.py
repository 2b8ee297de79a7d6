"""From sources and packages to the site: the steps in their order, each skipped while its inputs have not changed."""

from pathlib import Path

from tooling.assembly import MANIFEST, assemble
from tooling.console import Console
from tooling.packages import node_packages_step, tab_wheels_step
from tooling.paths import BOOT_FILES, CORE, EXPORTS, REQUIREMENTS, ROOT, SITE, STAMPS, VENV_PYTHON, WEB, WHEELS
from tooling.stamps import Step
from tooling.wheel import core_wheel_step

FAST_QUALITY, BEST_QUALITY = 9, 11
TOOLING_PATH = {"PYTHONPATH": str(WEB), "PYTHONDONTWRITEBYTECODE": "1"}

SNAPSHOT_MAKER = WEB / "boot" / "make"


def bring_site_up_to_date(console: Console, browser: Path | None, *, best_compression: bool = False) -> None:
    """Bring `build/site/` up to date; without a browser it goes without the memory snapshot, and says so."""
    console.run(node_packages_step(console))
    console.run(tab_wheels_step(console))
    console.run(core_wheel_step(console))
    console.run(_exports_step(console))
    console.run(_site_step(console, best_compression=best_compression))


def _exports_step(console: Console) -> Step:
    """Write what the page is told about the core, in files that the core itself makes: flows and messages."""

    def export() -> None:
        console.command(
            [VENV_PYTHON, "-m", "tooling.exports"],
            env=TOOLING_PATH,
            log="exports",
            next_step="Mend what the output names, in web/flows or core/, and run the same command again.",
        )

    return Step(
        name="exports",
        title="flow pictures and message schema",
        inputs=(CORE, WEB / "flows", WEB / "tooling" / "exports.py", REQUIREMENTS / "runtime.txt"),
        outputs=(EXPORTS,),
        action=export,
        stamps=STAMPS,
    )


def _site_step(console: Console, *, best_compression: bool) -> Step:
    quality = BEST_QUALITY if best_compression else FAST_QUALITY

    def make() -> None:
        assemble()
        console.command(
            [VENV_PYTHON, "-m", "tooling.compression", "--quality", str(quality)],
            env=TOOLING_PATH,
            log="compression",
            next_step="Run `python3 build.py clean`, then the same command again.",
        )

    return Step(
        name="site",
        title="site",
        inputs=(str(quality), WEB, EXPORTS, WHEELS / "core-wheel", BOOT_FILES, ROOT / "LICENSE"),
        outputs=(SITE / MANIFEST,),
        action=make,
        stamps=STAMPS,
    )
