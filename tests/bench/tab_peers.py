"""Other ways to have Python with pydantic in a tab, each as its manual has it, and all of them served from here.

They run the Pyodide, the wheels and the PyScript that our own site is made of, from a server that is as near, and under
none of its policies. Their pages have loaded before anything counts: the time is that from where a page starts its
worker until one model is validated there.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.metadata import Distribution, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from packaging.requirements import Requirement
from playwright.sync_api import Browser
from tests.web_server import Files, serving

from tooling.packages import normalised, pinned_versions
from tooling.paths import NODE_MODULES, PEER_WHEELS, SITE, VENV_BIN, WEB
from tooling.wheel import lock_of

PATIENCE_MS = 40_000

VALIDATE = """
import pydantic
from js import BroadcastChannel
class Model(pydantic.BaseModel):
    a: int
Model(a="3")
BroadcastChannel.new("peer").postMessage("ready")
"""

PEERS = {
    "micropip": "wheels by micropip, one model",
    "PyScript worker": "pydantic in its packages, one model",
    "JupyterLite kernel": "pydantic in a cell, one model",
    "marimo": "pydantic in a cell, one model",
}
"""What is measured, and what each does until it is ready."""

WATCH = """
new BroadcastChannel('peer').onmessage = () => { window.took = performance.now() - window.began; };
window.Worker = class extends Worker {
    constructor(...given) {
        window.began ??= performance.now();
        super(...given);
    }
};
"""

MICROPIP_WORKER = """
import { loadPyodide } from "/pyodide/pyodide.mjs";
const python = await loadPyodide({ packages: ["micropip"] });
await python.pyimport("micropip").install(WHEELS.map((name) => `${location.origin}/pyodide/${name}`));
python.runPython(CODE);
"""

MICROPIP_PAGE = """<!doctype html>
<title>micropip</title>
<script type="module">new Worker("/micropip.mjs", { type: "module" });</script>
"""

PYSCRIPT_PAGE = """<!doctype html>
<title>PyScript</title>
<script type="module" src="/pyscript/core.js"></script>
<script type="py" worker config='{"interpreter": "/pyodide/pyodide.mjs", "packages": ["pydantic"]}'>CODE</script>
"""

MARIMO_NOTEBOOK = """
import marimo
app = marimo.App()
@app.cell
def _():CODE
"""

MARIMO_NEEDS = (
    *("markdown", "pymdown-extensions", "pygments", "docutils", "jedi", "narwhals", "packaging", "pyyaml", "tomlkit"),
    *("itsdangerous", "python-multipart"),
)
"""What marimo runs in, beside what is downloaded for a tab; PyYAML does without what is compiled."""

KERNEL_NEEDS = ("ipython", "comm")
"""What JupyterLite's kernel runs in, and takes from the Pyodide that it is given."""


@contextmanager
def peers_to_start(folder: Path, browser: Browser) -> Iterator[dict[str, Callable[[], float]]]:
    """Lay out the peers' pages in a folder and serve them; give what times a cold start of each, in ms."""
    pages = {"micropip": "/micropip.html", "PyScript worker": "/pyscript.html"}
    pyodide = folder / "source" / "static" / "pyodide"
    served = folder / "served"
    lay_out_pyodide(pyodide)
    served.mkdir()
    (served / "pyodide").symlink_to(pyodide)
    (served / "pyscript").symlink_to(NODE_MODULES / "@pyscript" / "core" / "dist")
    write_pages(served)
    if is_jupyterlite_installed():
        build_jupyterlite(pyodide.parents[1], served / "jupyterlite")
        pages["JupyterLite kernel"] = f"/jupyterlite/repl/index.html?kernel=python&code={quote(VALIDATE)}"
    if is_marimo_installed():
        export_marimo(folder / "notebook.py", served / "marimo")
        pages["marimo"] = "/marimo/index.html"
    with serving(served, IsolatedFiles) as address:
        yield {name: partial(start_ms, browser, address + page) for name, page in pages.items()}


def start_ms(browser: Browser, page_address: str) -> float:
    """Time a start in a browser that has never seen the page."""
    context = browser.new_context()
    try:
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto(page_address)
        took = page.wait_for_function("() => window.took", polling=100, timeout=PATIENCE_MS)
        return float(took.json_value())
    finally:
        context.close()


def tab_wheels() -> list[Path]:
    """List what the tab's Python loads beside our own wheel."""
    pinned = pinned_versions(WEB / "wheels.txt")
    wheels = sorted((SITE / "vendor" / "wheels").glob("*.whl"))
    return [wheel for wheel in wheels if normalised(wheel.name.split("-")[0]) in pinned]


def lay_out_pyodide(folder: Path) -> None:
    """Make a folder as Pyodide's own releases are: Pyodide, wheels, and a lock file of them."""
    shutil.copytree(SITE / "vendor" / "pyodide", folder, ignore=shutil.ignore_patterns("*.br", "*.zst", "*.gz"))
    for wheel in tab_wheels():
        shutil.copy(wheel, folder)
    if is_jupyterlite_installed():
        write_wheels(KERNEL_NEEDS, folder)
    if is_marimo_installed():
        write_wheels(MARIMO_NEEDS, folder)
        for wheel in PEER_WHEELS.glob("*.whl"):
            shutil.copy(wheel, folder)
    lock = lock_of(sorted(folder.glob("*.whl")))
    if is_marimo_installed():
        # marimo's own lock file, which lies on its servers, says so too.
        lock["packages"]["marimo-base"]["depends"].append("pyodide-http")
    (folder / "pyodide-lock.json").write_text(json.dumps(lock))


def write_pages(folder: Path) -> None:
    """Write the pages of the peers that are not a site of their own."""
    wheels = [wheel.name for wheel in tab_wheels() if not wheel.name.startswith("micropip-")]
    worker = MICROPIP_WORKER.replace("WHEELS", json.dumps(wheels)).replace("CODE", json.dumps(VALIDATE))
    (folder / "micropip.mjs").write_text(worker)
    (folder / "micropip.html").write_text(MICROPIP_PAGE)
    (folder / "pyscript.html").write_text(PYSCRIPT_PAGE.replace("CODE", VALIDATE))


def is_jupyterlite_installed() -> bool:
    """Return whether JupyterLite and what its kernel needs are there; the group `bench` brings them."""
    return all(find_spec(name) for name in ("jupyterlite_core", "jupyterlite_pyodide_kernel", "IPython", "comm"))


def build_jupyterlite(source: Path, target: Path) -> None:
    """Build a site of JupyterLite that has its console alone, with the Pyodide that lies in ``source``."""
    options = ("--apps=repl", "--no-sourcemaps", "--no-unused-shared-packages", "--no-libarchive")
    command = [sys.executable, "-m", "jupyterlite_core", "build", *options, "--output-dir", str(target)]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    if built.returncode:
        raise RuntimeError(f"JupyterLite could not be built: {built.stdout}{built.stderr}")


def is_marimo_installed() -> bool:
    """Return whether marimo and what it loads into a tab are there; `build.py bench` brings them."""
    return find_spec("marimo") is not None and PEER_WHEELS.is_dir()


def export_marimo(notebook: Path, target: Path) -> None:
    """Export a notebook of one cell for the browser, to be run by the Pyodide that is served beside it.

    Its script insists on the version of Pyodide that its servers have, a few fixes older than ours.
    """
    notebook.write_text(MARIMO_NOTEBOOK.replace("CODE", VALIDATE.replace("\n", "\n    ")))
    options = ("--mode=run", "--no-sandbox", "--force", f"--output={target}")
    command = [sys.executable, "-m", "marimo", "export", "html-wasm", str(notebook), *options]
    path = os.pathsep.join((str(VENV_BIN), os.environ["PATH"]))
    exported = subprocess.run(
        command, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if exported.returncode:
        raise RuntimeError(f"marimo could not be exported: {exported.stdout}{exported.stderr}")
    theirs = import_module("marimo._pyodide.pyodide_constraints").PYODIDE_VERSION
    ours = json.loads((NODE_MODULES / "pyodide" / "package.json").read_text())["version"]
    for script in (target / "assets").glob("*worker-*.js"):
        script.write_text(script.read_text().replace(f"`{theirs}`", f"`{ours}`"))
    page = target / "index.html"
    sources = 'data-pyodide-index-url="/pyodide/" data-pyodide-lockfile-url="/pyodide/pyodide-lock.json"'
    page.write_text(page.read_text().replace("<marimo-wasm ", f"<marimo-wasm {sources} "))


def write_wheels(names: tuple[str, ...], folder: Path) -> None:
    """Pack distributions that are installed here, and what they need in a tab, as wheels of Python alone."""
    waiting, seen = list(names), set(pinned_versions(WEB / "wheels.txt"))
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            found = distribution(name)
            write_wheel(found, folder)
            needed = (Requirement(line) for line in found.requires or [])
            waiting += [normalised(need.name) for need in needed if need.marker is None]


def write_wheel(found: Distribution, folder: Path) -> None:
    """Pack a distribution without what is compiled for this machine."""
    wheel = folder / f"{found.name.replace('-', '_').lower()}-{found.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in found.files or []:
            if ".." not in file.parts and file.suffix not in {".pyc", ".so", ".pyd"}:
                archive.write(str(file.locate()), str(file))


class IsolatedFiles(Files):
    """Sends files to pages that may share memory with their workers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def end_headers(self) -> None:
        """Isolate the page."""
        self.send_header("cross-origin-opener-policy", "same-origin")
        self.send_header("cross-origin-embedder-policy", "require-corp")
        super().end_headers()


IsolatedFiles.extensions_map = {**Files.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}
