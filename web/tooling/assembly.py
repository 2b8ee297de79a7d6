"""The site as files: what goes where in `build/site/`, kept up to date file by file, with `manifest.json` written last.

assemble
  planned_files       web/, packed scripts, packages from npm, wheels, licences, what the core exported, fast-boot files
  bring_up_to_date    write what changed, delete what is no longer planned
  manifest            build id, versions, wheels, and the hash of every file
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tooling.licences import licence_files
from tooling.packages import normalised
from tooling.paths import BOOT_FILES, EXPORTS, FLOW_WHEELS, NODE_MODULES, PAGE, SCRIPTS, SITE, WEB
from tooling.sample import SAMPLE, sample_archive
from tooling.scripts import ENTRIES
from tooling.stamps import files_below, write_atomically
from tooling.wheel import lock_of, wheels_of_every_tab

Content = Path | bytes
Plan = dict[str, Content]
"""What the site is to hold: a file or its bytes, by path below the site's root."""

PAGE_FOLDERS = ("style", "flows")
PAGE_PYTHON = ("config.json", "held.mjs", "main.py")
"""What the page loads of `web/ui` as it is; its modules are packed."""

PAGE_SCRIPTS = ("ahead.mjs", "evaluation.mjs", "offline.mjs", "shorten.mjs")
"""What the page loads of `web/boot` as it is; the rest of it is packed."""

PAGE_FILE_TYPES = frozenset({".html", ".js", ".svg", ".ico", ".png", ".webmanifest", ".txt"})
NOT_SERVED = "wheels.txt"

PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
MICROPYTHON_FILES = ("micropython.mjs", "micropython.wasm")
PYSCRIPT_PLUGINS = ("error", "deprecations-manager", "py-editor", "py-game", "py-terminal", "donkey")
PYSCRIPT_FILES = ("core*.js", "core.css", *(f"{plugin}-*.js" for plugin in PYSCRIPT_PLUGINS))
"""PyScript without what its editor, terminal and game tags load when a page uses them.

PyScript imports every plugin at its start that a page does not refuse for both of its Pythons, `py` and `mpy`.
"""

MANIFEST = "manifest.json"
SIBLINGS = (".br", ".zst", ".gz")


def assemble() -> dict[str, Any]:
    """Bring `build/site/` up to date and return its manifest."""
    plan = planned_files()
    hashes = bring_up_to_date(SITE, plan)
    content = manifest(hashes)
    write_atomically(SITE / MANIFEST, json.dumps(content, indent=1))
    return content


def planned_files() -> Plan:
    """List everything that the site is made of."""
    micropython = NODE_MODULES / "@micropython" / "micropython-webassembly-pyscript"
    wheels = wheels_of_every_tab()
    return {
        **_page_files(),
        **{entry: SCRIPTS / entry for entry in ENTRIES},
        **_below(EXPORTS, ""),
        SAMPLE: sample_archive(),
        **{f"vendor/pyodide/{name}": NODE_MODULES / "pyodide" / name for name in PYODIDE_FILES},
        **{f"vendor/micropython/{name}": micropython / name for name in MICROPYTHON_FILES},
        **_pyscript_files(),
        **{f"vendor/wheels/{wheel.name}": wheel for wheel in wheels},
        **{f"vendor/wheels/{wheel.name}": wheel for wheel in FLOW_WHEELS.glob("*/*.whl")},
        "vendor/wheels/pyodide-lock.json": json.dumps(lock_of(wheels), indent=1).encode(),
        **{f"licenses/{name}": text for name, text in licence_files().items()},
        **_below(BOOT_FILES, "vendor/boot/"),
    }


def _page_files() -> Plan:
    plan: Plan = {path.name: path for path in WEB.glob("*.*") if path.suffix in PAGE_FILE_TYPES}
    for folder in PAGE_FOLDERS:
        plan |= _below(WEB / folder, f"{folder}/")
    plan |= {f"ui/{name}": WEB / "ui" / name for name in PAGE_PYTHON} | _below(PAGE, "ui/")
    plan |= {f"boot/{name}": WEB / "boot" / name for name in PAGE_SCRIPTS}
    return {place: content for place, content in plan.items() if not place.startswith(NOT_SERVED)}


def _pyscript_files() -> Plan:
    folder = NODE_MODULES / "@pyscript" / "core" / "dist"
    return {f"vendor/pyscript/{path.name}": path for pattern in PYSCRIPT_FILES for path in folder.glob(pattern)}


def _below(folder: Path, place: str) -> Plan:
    return {f"{place}{path.relative_to(folder).as_posix()}": path for path in files_below(folder)}


def bring_up_to_date(site: Path, plan: Mapping[str, Content]) -> dict[str, str]:
    """Make a folder hold exactly the planned files and their compressed siblings; return the hash of each file.

    A file whose content is right is left as it is. A file's compressed siblings are deleted before it is replaced, so
    that they never stand beside content they were not made from.
    """
    hashes = {}
    for place, content in sorted(plan.items()):
        data = content if isinstance(content, bytes) else content.read_bytes()
        hashes[place] = hashlib.sha256(data).hexdigest()
        target = site / place
        if not target.is_file() or target.stat().st_size != len(data) or target.read_bytes() != data:
            for suffix in SIBLINGS:
                target.with_name(target.name + suffix).unlink(missing_ok=True)
            write_atomically(target, data)
    _delete_unplanned(site, plan)
    return hashes


def _delete_unplanned(site: Path, plan: Iterable[str]) -> None:
    kept = {MANIFEST, *plan}
    kept |= {place + suffix for place in kept for suffix in SIBLINGS}
    for path in list(files_below(site)):
        if path.relative_to(site).as_posix() not in kept:
            path.unlink()
    for folder in sorted((path for path in site.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def manifest(hashes: Mapping[str, str]) -> dict[str, Any]:
    """Describe the site to the page and the server.

    Addresses are relative to the site's root. `files` gives the SHA-256 of every file by its address, so that a page
    may ask for `ADDRESS?v=` with that hash and keep the answer for ever. `build` is the hash of all that.
    """
    build = hashlib.sha256(json.dumps(sorted(hashes.items())).encode()).hexdigest()
    return {
        "build": build[:16],
        "pyodide": {"version": _node_package_version("pyodide"), "base": "vendor/pyodide/"},
        "pyscript": {"version": _node_package_version("@pyscript/core"), "core": "vendor/pyscript/core.js"},
        "micropython": {
            "version": _node_package_version("@micropython/micropython-webassembly-pyscript"),
            "module": "vendor/micropython/micropython.mjs",
        },
        "lock": "vendor/wheels/pyodide-lock.json",
        "wheels": [_wheel_entry(place, sha256) for place, sha256 in sorted(hashes.items()) if place.endswith(".whl")],
        "files": dict(sorted(hashes.items())),
    }


def _wheel_entry(place: str, sha256: str) -> dict[str, str]:
    name, version = place.rpartition("/")[2].split("-")[:2]
    return {"name": normalised(name), "version": version, "file": place, "sha256": sha256}


def _node_package_version(name: str) -> str:
    found = re.search(r'"version": "([^"]+)"', (NODE_MODULES / name / "package.json").read_text())
    assert found is not None
    return found.group(1)
