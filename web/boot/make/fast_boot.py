"""Make what a tab starts fast from: the bytecode bundle and the memory snapshot, and the manifest that names them.

    PYTHONPATH=web python -m boot.make.fast_boot --site build/site --scripts build/script-sources --out build/boot \
        --browser /usr/bin/chromium

Names hold the hash of their content. Nothing is made again while its inputs have not changed. Without a browser only
the manifest is written, and tabs start by the ordinary lock file.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tooling.assembly import SIBLINGS

MAKERS = Path(__file__).resolve().parent
PYODIDE = "vendor/pyodide/"
WHEELS = "vendor/wheels/"
BOOT = "vendor/boot/"
LOCK = f"{WHEELS}pyodide-lock.json"
MANIFEST = "assets.json"
WANTED = "irenic"
"""The wheel that a tab needs; what it depends on comes with it."""


class Site:
    """The parts of an assembled site that a start is made from."""

    def __init__(self, root: Path, scripts: Path) -> None:
        self.root = root
        self.scripts = scripts
        self.lock: dict[str, Any] = json.loads((root / LOCK).read_text())

    def packages(self) -> list[str]:
        """Name the wheel that is wanted and all it depends on, dependencies first."""
        ordered: dict[str, None] = {}

        def visit(name: str) -> None:
            for dependency in self.lock["packages"][name]["depends"]:
                visit(dependency)
            ordered[name] = None

        visit(WANTED)
        return list(ordered)

    def inputs(self) -> Iterator[Path]:
        """Name the files that what is made depends on."""
        yield from sorted((self.root / PYODIDE).iterdir())
        yield self.root / LOCK
        for name in self.packages():
            yield self.root / WHEELS / self.lock["packages"][name]["file_name"]
        for script in ("boot/container.mjs", "boot/native.mjs", f"{PYODIDE}pyodide.asm.mjs"):
            yield self.scripts / script
        yield from sorted(path for path in MAKERS.iterdir() if path.is_file())

    def versioned(self, place: str) -> str:
        """Return an address under which the answer may be kept for ever."""
        return f"{place}?v={hashlib.sha256((self.root / place).read_bytes()).hexdigest()}"


def digest(paths: Iterator[Path], *words: str) -> str:
    """Hash the contents of files, and words."""
    total = hashlib.sha256(json.dumps(words).encode())
    for path in paths:
        if path.suffix not in SIBLINGS:
            total.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def ordinary_manifest(site: Site, inputs: str) -> dict[str, Any]:
    """Describe a start by the lock file, which every site has."""
    return {
        "inputs": inputs,
        "pyodide": PYODIDE,
        "wasm": site.versioned(f"{PYODIDE}pyodide.asm.wasm"),
        "wheels": WHEELS,
        "lock": LOCK,
        "lockContents": site.lock,
        "packages": [WANTED],
    }


def make(site: Site, out: Path, browser: Path) -> dict[str, Any]:
    """Make the bundle and the snapshot; return what the manifest says of them."""
    from boot.make.workshop import workshop  # needs the browser's driver, which is not there without a browser

    out.mkdir(parents=True, exist_ok=True)
    wheels = [f"/{WHEELS}{site.lock['packages'][name]['file_name']}" for name in site.packages()]
    with workshop(site.root, site.scripts, out, browser) as shop:
        sources = {"lock": f"/{LOCK}", "stdlib": f"/{PYODIDE}python_stdlib.zip", "wheels": wheels}
        modules = shop.run("library_worker.mjs", sources)["modules"]
        library = kept(out, "library.zip", shop.made)
        natives = [
            {
                "path": module,
                "wasm": kept(out, f"native-{number}.wasm", shop.made),
                "files": kept(out, f"native-{number}.bin", shop.made),
            }
            for number, module in enumerate(modules)
        ]
        shop.run(
            "snapshot_worker.mjs",
            {"lock": f"/{LOCK}", "library": f"/{library}", "natives": [rooted(native) for native in natives]},
        )
        snapshot = kept(out, "snapshot.bin", shop.made)
    return {
        "bundle": {"library": library, "native": natives, "packages": site.packages()},
        "snapshot": {"file": snapshot, "size": len(shop.made["snapshot.bin"])},
    }


def rooted(native: dict[str, str]) -> dict[str, str]:
    """Return a native module's entry with addresses that are whole."""
    return {"path": native["path"], "wasm": f"/{native['wasm']}", "files": f"/{native['files']}"}


def kept(out: Path, name: str, made: dict[str, bytes]) -> str:
    """Keep a file under a name that holds its hash; return its address."""
    stem, _, suffix = name.rpartition(".")
    named = f"{stem}-{hashlib.sha256(made[name]).hexdigest()[:16]}.{suffix}"
    (out / named).write_bytes(made[name])
    return f"{BOOT}{named}"


def is_made(out: Path, inputs: str) -> bool:
    """Tell whether the output is there and was made from these inputs."""
    try:
        manifest = json.loads((out / MANIFEST).read_text())
    except (FileNotFoundError, ValueError):
        return False
    return bool(manifest["inputs"] == inputs) and all((out / name).is_file() for name in files_of(manifest))


def files_of(manifest: dict[str, Any]) -> set[str]:
    """Name the files that a manifest speaks of, and the manifest itself."""
    bundle = manifest.get("bundle")
    if bundle is None:
        return {MANIFEST}
    natives = [native[key] for native in bundle["native"] for key in ("wasm", "files")]
    return {
        MANIFEST,
        *(place.removeprefix(BOOT) for place in [bundle["library"], manifest["snapshot"]["file"], *natives]),
    }


def main() -> int:
    """Bring the output folder up to date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--site", type=Path, required=True, help="an assembled site")
    parser.add_argument("--scripts", type=Path, required=True, help="the scripts that the site has packed")
    parser.add_argument("--out", type=Path, required=True, help="the folder to be served as /vendor/boot/")
    parser.add_argument("--browser", type=Path, help="a Chromium")
    options = parser.parse_args()
    site = Site(options.site.resolve(), options.scripts.resolve())
    version = browser_version(options.browser) if options.browser else "none"
    inputs = digest(site.inputs(), version)
    if is_made(options.out, inputs):
        return 0
    manifest = ordinary_manifest(site, inputs)
    if options.browser:
        manifest |= make(site, options.out, options.browser)
    else:
        sys.stderr.write("No browser was given: tabs will start by the lock file, which is several times slower.\n")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / MANIFEST).write_text(json.dumps(manifest))
    for path in options.out.iterdir():
        if path.name not in files_of(manifest):
            path.unlink()
    return 0


def browser_version(browser: Path) -> str:
    """Ask a browser for its version."""
    return subprocess.run([browser, "--version"], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
