"""What `build.py test` checks: style, types, syntax, and the tests themselves."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tooling.console import Console
from tooling.errors import BuildError
from tooling.paths import NODE_MODULES, ROOT, VENV_PYTHON, WEB

TYPED = ("core/irenic", "server/irenic_server", "tests", "web/tooling", "web/boot/make", "web/ui", "build.py")
"""What is checked by mypy."""

WORKERS = "2"

REACH = ("--cov", "--cov-fail-under=100", "--cov-report=term-missing:skip-covered")
"""The whole suite fails where it leaves out a line or a branch of the packages that pyproject.toml names."""


Command = tuple[str | Path, ...]


def failed_checks(console: Console) -> list[str]:
    """Check style, types and the syntax of every JavaScript module; name the checks that failed."""
    ruff = (VENV_PYTHON, "-m", "ruff")
    typed = [place for place in TYPED if (ROOT / place).exists()]
    checks: list[tuple[str, list[Command]]] = [
        ("style (ruff check)", [(*ruff, "check", ".")]),
        ("layout (ruff format)", [(*ruff, "format", "--check", ".")]),
        ("types (mypy --strict)", [(VENV_PYTHON, "-m", "mypy", "--no-error-summary", *typed)]),
        ("JavaScript syntax (node)", [("node", "--check", module) for module in javascript_modules()]),
    ]
    return [title for title, commands in checks if not _passes(console, title, commands)]


def _passes(console: Console, title: str, commands: Iterable[Command]) -> bool:
    try:
        with console.timed(title):
            for command in commands:
                console.command(command, log=title.partition(" ")[0], next_step="Mend it.")
    except BuildError as error:
        console.say(f"{error.log}\n  FAILED  {title}")
        return False
    return True


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
    whole = ("-n", WORKERS, "--dist", "loadfile", *REACH)
    command = [str(VENV_PYTHON), "-m", "pytest", *(arguments or whole)]
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, env=os.environ, check=False).returncode


def bench_names() -> list[str]:
    """List the benchmarks: every `tests/bench/bench_NAME.py`."""
    return sorted(path.stem.removeprefix("bench_") for path in (ROOT / "tests" / "bench").glob("bench_*.py"))


def run_benchmark(name: str, *arguments: str) -> int:
    """Run a benchmark with its output going where this program's goes; return its exit code."""
    command = [str(VENV_PYTHON), "-m", f"tests.bench.bench_{name}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=bench_environment(), check=False).returncode


def bench_environment() -> dict[str, str]:
    """Return the environment in which the benchmarks' modules are found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(WEB)])}
