"""A site of one's own flows: the built page, with other flows in it.

make_site
  _read_flows           each flow's picture and wheels, or why no tab can run it
  _put_all              what was built, but for what belonged to its flows
  _manifest             what the page, the server and the service worker read
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename
from platformdirs import user_cache_path

from irenic.cli.flow_wheels import FlowWheels
from irenic.cli.flows import PackagesError
from irenic.cli.site_flow import WHEELS, SiteFlow, read_flow
from irenic.cli.site_options import MANIFEST
from irenic.cli.tab_python import TabPython
from irenic.model.errors import FlowError, ParamsError

FLOWS = "flows"
SIBLINGS = (".br", ".zst", ".gz")


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


def wheel_cache() -> Path:
    """Return the folder in which the wheels that flows asked for are kept."""
    return user_cache_path("irenic", appauthor=False) / "wheels"


def make_site(
    built: Path,
    target: Path,
    flows: Sequence[Path],
    wheels: FlowWheels | None = None,
    *,
    whole: bool = True,
    linked: bool = False,
) -> list[str]:
    """Make a site in a folder that is new or empty, of the built one and the given flows; return what is wrong with it.

    :param wheels: finds what the flows need beyond what every tab has.
    :param whole: make nothing unless a tab can run every flow.
    :param linked: have files in common with the built site, for a site that is gone soon and that nobody writes to.
    :raises ParamsError: if there is no built site, or the folder holds anything.
    :raises FlowError: if a file defines no flow, or none that can be shown is left.
    """
    if not (built / MANIFEST).is_file():
        raise ParamsError(f"there is no built site in {built}: build it, or name it with --site.")
    if target.exists() and any(target.iterdir()):
        raise ParamsError(f"{target} is not empty: name a new folder, or remove what is in it.")
    before: dict[str, Any] = json.loads((built / MANIFEST).read_text(encoding="utf-8"))
    tab = TabPython.of_site(built, before["lock"])
    shown, problems = _read_flows(flows, tab, wheels or FlowWheels(wheel_cache()))
    if problems and (whole or not shown):
        raise PackagesError("\n".join(problems))
    added = _wheels_of(shown)
    made = _files_of(shown, flows)
    left_out = {place for place in before["files"] if _is_of_a_flow(place, tab)}
    put = _link if linked else shutil.copyfile
    _put_all(built, target, {MANIFEST, *left_out}, put)
    for place, wheel in added.items():
        put(wheel, target / place)
    for place, content in made.items():
        (target / place).write_bytes(content)
    hashes = {place: digest for place, digest in before["files"].items() if place not in left_out}
    hashes |= {place: _digest(wheel.read_bytes()) for place, wheel in added.items()}
    hashes |= {place: _digest(content) for place, content in made.items()}
    (target / MANIFEST).write_text(json.dumps(_manifest(before, hashes), indent=1))
    return problems


def _read_flows(paths: Sequence[Path], tab: TabPython, wheels: FlowWheels) -> tuple[list[SiteFlow], list[str]]:
    flows: list[SiteFlow] = []
    problems: list[str] = []
    for path in paths:
        try:
            flows.append(read_flow(path, tab, wheels))
        except PackagesError as error:
            problems.append(str(error))
        else:
            problems += [flows[-1].problem] if flows[-1].problem is not None else []
    return flows, problems


def _wheels_of(flows: Sequence[SiteFlow]) -> dict[str, Path]:
    """Return the wheels of flows by their places in the site."""
    places: dict[str, Path] = {}
    for flow in flows:
        for wheel in flow.wheels:
            other = places.setdefault(f"{WHEELS}/{wheel.name}", wheel)
            if other.read_bytes() != wheel.read_bytes():
                raise PackagesError(
                    f"{flow.name} and another flow ask for different files of the name {wheel.name}: give one of them "
                    "another version."
                )
    return places


def _files_of(flows: Sequence[SiteFlow], paths: Sequence[Path]) -> dict[str, bytes]:
    """Return what the site holds of flows itself: their sources, their pictures, and the list of them."""
    sources = {path.stem: path for path in paths}
    files: dict[str, bytes] = {}
    for flow in flows:
        files[f"{FLOWS}/{flow.name}.py"] = sources[flow.name].read_bytes()
        files[f"{FLOWS}/{flow.name}.json"] = flow.info.model_dump_json().encode()
    return {**files, f"{FLOWS}/index.json": json.dumps({"flows": [flow.entry() for flow in flows]}, indent=1).encode()}


def _is_of_a_flow(place: str, tab: TabPython) -> bool:
    """Tell whether a file of the built site is there for one of its flows."""
    folder, _, name = place.rpartition("/")
    return place.startswith(f"{FLOWS}/") or (
        folder == WHEELS and name.endswith(".whl") and name not in {wheel.name for wheel in tab.wheels.values()}
    )


def _put_all(built: Path, target: Path, left_out: Collection[str], put: Callable[[str, str], object]) -> None:
    unwanted = {f"{place}{suffix}" for place in left_out for suffix in ("", *SIBLINGS)}

    def ignored(folder: str, names: list[str]) -> set[str]:
        within = Path(folder).relative_to(built)
        return {name for name in names if (within / name).as_posix() in unwanted}

    shutil.copytree(built, target, copy_function=put, dirs_exist_ok=True, ignore=ignored)
    (target / FLOWS).mkdir(exist_ok=True)


def _link(source: str | Path, destination: str | Path) -> None:
    try:
        os.link(source, destination)
    except OSError:  # another disk, or a file system without links
        shutil.copy2(source, destination)


def _manifest(before: Mapping[str, Any], hashes: Mapping[str, str]) -> dict[str, Any]:
    files = dict(sorted(hashes.items()))
    wheels = [_wheel_entry(place, digest) for place, digest in files.items() if place.endswith(".whl")]
    return {
        **before,
        "build": _digest(json.dumps(sorted(files.items())).encode())[:16],
        "wheels": wheels,
        "files": files,
    }


def _wheel_entry(place: str, digest: str) -> dict[str, str]:
    name, version, _, _ = parse_wheel_filename(place.rpartition("/")[2])
    return {"name": name, "version": str(version), "file": place, "sha256": digest}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
