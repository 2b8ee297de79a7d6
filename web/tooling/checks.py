"""What `build.py test` checks: style, types, syntax, and the tests themselves."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tooling.console import Console
from tooling.paths import NODE_MODULES, ROOT, VENV_PYTHON, WEB

TYPED = ("core/irenic", "server/irenic_server", "tests", "web/tooling", "web/boot/make", "web/ui", "build.py")
"""What is checked by mypy."""

WORKERS = "2"
MEND = "Mend what is named above and run `python3 build.py test` again."


def run_checks(console: Console) -> None:
    """Check style, types and the syntax of every JavaScript module; raise BuildError at the first that fails."""
    ruff = (VENV_PYTHON, "-m", "ruff")
    with console.timed("style (ruff)"):
        console.command([*ruff, "check", "."], log="ruff-check", next_step=f"`.venv/bin/ruff check --fix`. {MEND}")
        console.command([*ruff, "format", "--check", "."], log="ruff-format", next_step="Run `.venv/bin/ruff format`.")
    with console.timed("types (mypy --strict)"):
        typed = [place for place in TYPED if (ROOT / place).exists()]
        console.command([VENV_PYTHON, "-m", "mypy", "--no-error-summary", *typed], log="mypy", next_step=MEND)
    with console.timed("JavaScript syntax (node)"):
        for module in javascript_modules():
            console.command(["node", "--check", module], log="node-check", next_step=MEND)


def javascript_modules() -> Iterable[Path]:
    """List the JavaScript that is written in this tree."""
    return sorted(
        path
        for folder in (WEB, ROOT / "tests")
        for pattern in ("*.mjs", "*.js")
        for path in folder.rglob(pattern)
        if NODE_MODULES not in path.parents
    )


def run_tests(arguments: Sequence[str]) -> int:
    """Run pytest with its output going where this program's goes; return its exit code.

    Without arguments that is the whole suite on two processes, the tests of one file together and in order.
    """
    whole = ("-n", WORKERS, "--dist", "loadfile")
    command = [str(VENV_PYTHON), "-m", "pytest", *(arguments or whole)]
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, env=os.environ, check=False).returncode


def bench_modules() -> dict[str, Path]:
    """List the benchmarks by name: every `tests/bench/bench_NAME.py`."""
    return {path.stem.removeprefix("bench_"): path for path in sorted((ROOT / "tests" / "bench").glob("bench_*.py"))}
