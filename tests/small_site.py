"""A site as the build makes them, but small: what `irenic serve` and `irenic export` read of one."""

import hashlib
import json
from pathlib import Path

from tests.wheels import write_wheel

TAB_PYTHON = "3.14.2"
TAB_TAG = "cp314-cp314-pyemscripten_2026_0_wasm32"
LOCK = "vendor/wheels/pyodide-lock.json"


def write_site(folder: Path) -> Path:
    """Write a site that has a flow with a wheel of its own, and return the folder."""
    wheels = folder / "vendor" / "wheels"
    held = [
        write_wheel(wheels, "irenic", "0.1.0", requires=["pydantic>=2.12"]),
        write_wheel(wheels, "pydantic", "2.14.3", requires=["pydantic-core"], extras=["email"]),
        write_wheel(wheels, "pydantic-core", "2.50.4", tag=TAB_TAG),
    ]
    of_a_flow = write_wheel(wheels, "teapot")
    info = {"abi_version": "2026_0", "arch": "wasm32", "platform": "emscripten_5_0_3", "python": TAB_PYTHON}
    packages = {wheel.name.split("-")[0]: {"file_name": wheel.name} for wheel in held}
    (folder / LOCK).write_text(json.dumps({"info": info, "packages": packages}))
    (folder / "index.html").write_text("page")
    (folder / "flows").mkdir()
    (folder / "flows" / "old.py").write_text("old")
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    listed = [{"file": f"vendor/wheels/{wheel.name}"} for wheel in (*held, of_a_flow)]
    manifest = {"build": "b", "lock": LOCK, "wheels": listed, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
