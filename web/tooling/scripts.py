"""The scripts that a start waits for, each packed into one file: the page's side of the core, its worker, the loader.

One by one their modules would come late, each asked for only when another has named it. The worker's file has Pyodide's
own scripts in it, the large one as :mod:`tooling.pyodide_script` makes it.
"""

import shutil
from pathlib import Path

from tooling.console import Console
from tooling.paths import NODE_MODULES, SCRIPT_SOURCES, SCRIPTS, STAMPS, WEB
from tooling.pyodide_script import bound_late, for_module_worker, read_once
from tooling.stamps import Step, write_atomically

ENTRIES = ("boot/core.mjs", "boot/lease.mjs", "boot/loader.mjs", "boot/worker.mjs")
ESBUILD = NODE_MODULES / "esbuild" / "bin" / "esbuild"
OPTIONS = (
    *("--bundle", "--format=esm", "--platform=browser", "--minify-whitespace", "--charset=utf8", "--log-level=error"),
    *("--external:node:*", "--external:ws"),  # what Pyodide imports in Node.js alone
)


def scripts_step(console: Console) -> Step:
    """Pack the scripts into `build/scripts/`."""

    def pack() -> None:
        shutil.rmtree(SCRIPT_SOURCES, ignore_errors=True)
        collect_sources(SCRIPT_SOURCES)
        pack_scripts(console, SCRIPT_SOURCES, SCRIPTS)

    return Step(
        name="scripts",
        title="scripts of the core",
        inputs=(
            *(WEB / "boot", WEB / "package-lock.json"),
            *(WEB / "tooling" / name for name in ("scripts.py", "pyodide_script.py", "late_bindings.js")),
        ),
        outputs=(SCRIPT_SOURCES, *(SCRIPTS / entry for entry in ENTRIES)),
        action=pack,
        stamps=STAMPS,
    )


def collect_sources(folder: Path) -> None:
    """Put the modules into a folder as they name each other."""
    pyodide = NODE_MODULES / "pyodide"
    for script in (WEB / "boot").glob("*.mjs"):
        write_atomically(folder / "boot" / script.name, script.read_bytes())
    vendored = folder / "vendor" / "pyodide"
    small, large = ((pyodide / name).read_text("utf-8") for name in ("pyodide.mjs", "pyodide.asm.mjs"))
    write_atomically(vendored / "pyodide.mjs", for_module_worker(small))
    write_atomically(vendored / "pyodide.asm.mjs", read_once(bound_late(large)))


def pack_scripts(console: Console, sources: Path, target: Path) -> None:
    """Pack the entries of a folder, with all that they import, into files of the same names in another."""
    console.command(
        ["node", ESBUILD, *ENTRIES, *OPTIONS, "--outbase=.", "--out-extension:.js=.mjs", f"--outdir={target}"],
        cwd=sources,
        log="scripts",
        next_step="Mend what the output names in web/boot, and run the same command again.",
    )
