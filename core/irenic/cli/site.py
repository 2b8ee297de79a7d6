"""A site of one's own flows: the built page, with other flows in it."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from irenic.cli.flows import load_flow_file
from irenic.flow.script import read_header
from irenic.model.errors import FlowError, ParamsError

DEFAULT_SITE = "build/site"
FLOWS = "flows"
MANIFEST = "manifest.json"

_IN_EVERY_SITE = frozenset({"irenic", "pydantic", "pydantic-core", "typing-extensions", "annotated-types"})


def flow_files(named: Sequence[Path]) -> list[Path]:
    """Return the flow files that are named, or lie in a folder that is.

    :raises FlowError: if there is none, or two of one name.
    """
    files: dict[str, Path] = {}
    for path in named:
        found = sorted(path.glob("*.py")) if path.is_dir() else [path]
        if not found:
            raise FlowError(f"there is no flow file in {path}: make one with `irenic new NAME`.")
        for file in found:
            if files.setdefault(file.stem, file) != file:
                raise FlowError(f"{files[file.stem]} and {file} have the same name: rename one of them.")
    return list(files.values())


def make_site(built: Path, target: Path, flows: Sequence[Path]) -> list[str]:
    """Make a site in a folder that is new or empty, of the built one and the given flows; return warnings.

    :raises ParamsError: if there is no built site, or the folder holds anything.
    :raises FlowError: if a file defines no flow.
    """
    if not (built / MANIFEST).is_file():
        raise ParamsError(f"there is no built site in {built}: build it, or name it with --site.")
    if target.exists() and any(target.iterdir()):
        raise ParamsError(f"{target} is not empty: name a new folder, or remove what is in it.")
    _link_all(built, target)
    warnings: list[str] = []
    index: list[dict[str, Any]] = []
    made: dict[str, bytes] = {}
    for path in flows:
        source = path.read_bytes()
        info = load_flow_file(path).info()
        made[f"{FLOWS}/{path.stem}.py"] = source
        made[f"{FLOWS}/{path.stem}.json"] = info.model_dump_json().encode()
        index.append({"name": path.stem, "id": info.id, "summary": info.summary, "wheels": []})
        warnings += _missing_packages(path, source.decode())
    made[f"{FLOWS}/index.json"] = json.dumps({"flows": index}, indent=1).encode()
    for place, content in made.items():
        (target / place).write_bytes(content)
    _write_manifest(built, target, made)
    return warnings


def _link_all(built: Path, target: Path) -> None:
    def link(source: str, destination: str) -> None:
        try:
            os.link(source, destination)
        except OSError:  # another disk, or a file system without links
            shutil.copy2(source, destination)

    left_out = {FLOWS, MANIFEST, f"{MANIFEST}.br", f"{MANIFEST}.gz"}
    shutil.copytree(
        built,
        target,
        copy_function=link,
        dirs_exist_ok=True,
        ignore=lambda folder, names: left_out & set(names) if Path(folder) == built else set(),
    )
    (target / FLOWS).mkdir()


def _write_manifest(built: Path, target: Path, made: dict[str, bytes]) -> None:
    manifest = json.loads((built / MANIFEST).read_text())
    files = {place: digest for place, digest in manifest["files"].items() if not place.startswith(f"{FLOWS}/")}
    files.update({place: hashlib.sha256(content).hexdigest() for place, content in made.items()})
    manifest["files"] = dict(sorted(files.items()))
    manifest["build"] = hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()[:16]
    (target / MANIFEST).write_text(json.dumps(manifest, indent=1))


def _missing_packages(path: Path, source: str) -> list[str]:
    wanted = [re.split(r"[^A-Za-z0-9._-]", name, maxsplit=1)[0] for name in read_header(source).dependencies]
    missing = [name for name in wanted if name.lower().replace("_", "-") not in _IN_EVERY_SITE]
    if not missing:
        return []
    return [f"{path} needs {', '.join(missing)}, which the site does not hold: a tab cannot run it."]
