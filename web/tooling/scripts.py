"""The two scripts that a start waits for, each packed into one file: the page's side of the core, and its worker.

One by one their modules would come late, each asked for only when another has named it. The worker's file has Pyodide's
own scripts in it, the large one so that a browser reads it once.
"""

import shutil
from pathlib import Path

from tooling.console import Console
from tooling.errors import BuildError
from tooling.paths import CACHE, NODE_MODULES, SCRIPTS, STAMPS, WEB
from tooling.stamps import Step, write_atomically

ENTRIES = ("boot/core.mjs", "boot/worker.mjs")
ESBUILD = NODE_MODULES / "esbuild" / "bin" / "esbuild"
OPTIONS = (
    *("--bundle", "--format=esm", "--platform=browser", "--minify-whitespace", "--charset=utf8", "--log-level=error"),
    *("--external:node:*", "--external:ws"),  # what Pyodide imports in Node.js alone
)

DECLARED = "async function _createPyodideModule(moduleArg={}){"
EXPORTED = "}export default _createPyodideModule;"


def scripts_step(console: Console) -> Step:
    """Pack the scripts into `build/scripts/`."""

    def pack() -> None:
        sources = CACHE / "scripts"
        shutil.rmtree(sources, ignore_errors=True)
        collect_sources(sources)
        pack_scripts(console, sources, SCRIPTS)

    return Step(
        name="scripts",
        title="scripts of the core",
        inputs=(WEB / "boot", WEB / "package-lock.json", WEB / "tooling" / "scripts.py"),
        outputs=tuple(SCRIPTS / entry for entry in ENTRIES),
        action=pack,
        stamps=STAMPS,
    )


def collect_sources(folder: Path) -> None:
    """Put the modules into a folder as they name each other."""
    pyodide = NODE_MODULES / "pyodide"
    for script in (WEB / "boot").glob("*.mjs"):
        write_atomically(folder / "boot" / script.name, script.read_bytes())
    vendored = folder / "vendor" / "pyodide"
    write_atomically(vendored / "pyodide.mjs", (pyodide / "pyodide.mjs").read_bytes())
    write_atomically(vendored / "pyodide.asm.mjs", read_once((pyodide / "pyodide.asm.mjs").read_text("utf-8")))


def pack_scripts(console: Console, sources: Path, target: Path) -> None:
    """Pack the entries of a folder, with all that they import, into files of the same names in another."""
    console.command(
        ["node", ESBUILD, *ENTRIES, *OPTIONS, "--outbase=.", "--out-extension:.js=.mjs", f"--outdir={target}"],
        cwd=sources,
        log="scripts",
        next_step="Mend what the output names in web/boot, and run the same command again.",
    )


def read_once(script: str) -> str:
    """Make Pyodide's script one function expression in parentheses.

    V8 reads such a function at once. A declaration it skims first, all 1.2 MB of it, and reads when it is called:
    https://v8.dev/blog/preparser#pife.

    :raises BuildError: if the script is not the one that this was written for.
    """
    if not script.startswith(DECLARED) or script.count(EXPORTED) != 1:
        raise BuildError(
            "Pyodide's script does not look as it did.", next_step="Mend `read_once` in web/tooling/scripts.py."
        )
    head = DECLARED.replace("async function _createPyodideModule", "const _createPyodideModule=(async function")
    return head + script.removeprefix(DECLARED).replace(EXPORTED, f"}});{EXPORTED[1:]}")
