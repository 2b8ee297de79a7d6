"""Third-party files of the page: JavaScript from npm, and the wheels that the tab's Python loads."""

import re
import shutil
from pathlib import Path

from tooling.console import Console
from tooling.environment import pip
from tooling.errors import BuildError
from tooling.paths import LIGHTHOUSE, NODE_MODULES, PEER_WHEELS, REQUIREMENTS, TAB_WHEELS, VENV_PYTHON, WEB
from tooling.stamps import Step, file_hash

TAB_PLATFORM = "pyemscripten_2026_0_wasm32"
"""The platform tag (PEP 783) of wheels for the vendored Pyodide: https://peps.python.org/pep-0783/."""

TAB_PYTHON = "314"

TAB_TARGET = (
    "--only-binary=:all:",
    *("--platform", TAB_PLATFORM, "--python-version", TAB_PYTHON, "--implementation", "cp", "--abi", f"cp{TAB_PYTHON}"),
)

PEERS_IN_TAB = REQUIREMENTS / "bench-tab.txt"
"""What a peer of the benchmarks loads into a tab and has no counterpart that is installed here."""

LIGHTHOUSE_FILES = (REQUIREMENTS / "lighthouse" / "package.json", REQUIREMENTS / "lighthouse" / "package-lock.json")
"""What names Lighthouse and all that it depends on: none of it is part of the page."""

REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pinned_versions(requirements: Path) -> dict[str, str]:
    """Read the versions that a requirement file pins, by normalised name."""
    return {normalised(name): version for name, version in REQUIREMENT.findall(requirements.read_text())}


def normalised(name: str) -> str:
    """Write a distribution's name as PEP 503 does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def node_packages_step(console: Console) -> Step:
    """Install exactly what `web/package-lock.json` names, running no package's own scripts."""
    return Step(
        name="node-packages",
        title="JavaScript packages",
        inputs=(WEB / "package.json", WEB / "package-lock.json"),
        outputs=(NODE_MODULES / "pyodide" / "pyodide.mjs",),
        action=lambda: _install_node_packages(console, WEB, "node-packages"),
        stamps=NODE_MODULES / ".stamps",
    )


def lighthouse_step(console: Console) -> Step:
    """Install Lighthouse into `build/lighthouse/`."""

    def install() -> None:
        LIGHTHOUSE.mkdir(parents=True, exist_ok=True)
        for file in LIGHTHOUSE_FILES:
            shutil.copy(file, LIGHTHOUSE)
        _install_node_packages(console, LIGHTHOUSE, "lighthouse")

    return Step(
        name="lighthouse",
        title="Lighthouse",
        inputs=LIGHTHOUSE_FILES,
        outputs=(LIGHTHOUSE / "node_modules" / "lighthouse" / "package.json",),
        action=install,
        stamps=LIGHTHOUSE,
    )


def _install_node_packages(console: Console, folder: Path, log: str) -> None:
    console.command(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        log=log,
        next_step="Install Node.js 18 or newer with npm (on Debian: `apt-get install nodejs npm`), check that "
        "npm reaches its registry, and run the same command again.",
    )


def tab_wheels_step(console: Console) -> Step:
    """Download the wheels that `web/wheels.txt` pins into `build/tab-wheels/`."""
    return _wheels_step(console, "tab-wheels", "Python wheels of the tab", WEB / "wheels.txt", TAB_WHEELS)


def peer_wheels_step(console: Console) -> Step:
    """Download the wheels that the benchmarks' peers load into a tab into `build/peer-wheels/`."""
    return _wheels_step(console, "peer-wheels", "Python wheels of the peers' tabs", PEERS_IN_TAB, PEER_WHEELS)


def _wheels_step(console: Console, name: str, title: str, requirements: Path, folder: Path) -> Step:
    def download() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        pip(
            console,
            *("download", "--no-deps", "--require-hashes", *TAB_TARGET),
            *("--dest", str(folder), "-r", str(requirements)),
            log=name,
        )
        wanted = pinned_versions(requirements)
        for wheel in folder.glob("*.whl"):
            distribution, version = wheel.name.split("-")[:2]
            if wanted.get(normalised(distribution)) != version:
                wheel.unlink()

    return Step(
        name=name,
        title=title,
        inputs=(requirements, *TAB_TARGET),
        outputs=(folder,),
        action=download,
        stamps=folder,
    )


def write_lock_files(console: Console) -> None:
    """Resolve every requirement anew and write the lock files, naming no registry.

    `runtime` is contained in `test`, and `test` in `bench`, at the same versions.
    """
    _lock_environment(console, "runtime", "--extra=cli", "--extra=server", "--group=build")
    everything = ("--extra=cli", "--extra=server", "--group=build", "--group=test")
    _lock_environment(console, "test", *everything, f"--constraint={REQUIREMENTS / 'runtime.txt'}")
    _lock_environment(console, "bench", *everything, "--group=bench", f"--constraint={REQUIREMENTS / 'test.txt'}")
    _lock_environment(console, "bench-apart", "--group=bench-apart")
    _lock_environment(console, "lock", "--group=lock")
    _lock_tab_wheels(console, WEB / "wheels.txt", "runtime", "pydantic", "micropip")
    # marimo itself names what has no wheel for the tab and runs there as Python alone.
    _lock_tab_wheels(console, PEERS_IN_TAB, "bench", "--no-deps", "marimo-base", "msgspec", "pyodide-http")
    for folder in (WEB, REQUIREMENTS / "lighthouse"):
        _lock_node_packages(console, folder)


def _lock_node_packages(console: Console, folder: Path) -> None:
    console.command(
        [
            "npm",
            "install",
            "--package-lock-only",
            "--omit-lockfile-registry-resolved",
            "--ignore-scripts",
            "--no-audit",
        ],
        cwd=folder,
        log="lock-node-packages",
        next_step="Check that npm reaches its registry and run `python3 build.py lock` again.",
    )


def _lock_environment(console: Console, group: str, *selection: str) -> None:
    console.command(
        [
            *(str(VENV_PYTHON.with_name("uv")), "pip", "compile", "pyproject.toml", *selection, "--upgrade"),
            *("--universal", "--python-version=3.11", "--generate-hashes", "--no-config"),
            *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"),
            f"--output-file={REQUIREMENTS / f'{group}.txt'}",
        ],
        log=f"lock-{group}",
        next_step="Loosen the bound in pyproject.toml that the output names and run `python3 build.py lock` again.",
    )


def _lock_tab_wheels(console: Console, target: Path, group: str, *wanted: str) -> None:
    """Pin wheels for a tab to the versions that run natively, by the hashes of the files for the tab's platform."""
    native = pinned_versions(REQUIREMENTS / f"{group}.txt")
    if "marimo" in native:
        native["marimo-base"] = native["marimo"]
    scratch = TAB_WHEELS.with_name("tab-wheels-lock")
    scratch.mkdir(parents=True, exist_ok=True)
    for old in scratch.iterdir():
        old.unlink()
    constraints = scratch / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in native.items()))
    pip(
        console,
        *("download", *TAB_TARGET, "--dest", str(scratch), "--constraint", str(constraints), *wanted),
        log="lock-tab-wheels",
    )
    lines = []
    for wheel in sorted(scratch.glob("*.whl"), key=lambda path: path.name.lower()):
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{normalised(name)}=={version} \\\n    --hash=sha256:{file_hash(wheel)}\n")
    if not lines:
        raise BuildError("pip downloaded no wheel for the tab.", next_step="Look at build/logs/lock-tab-wheels.log.")
    target.write_text("".join(lines))
