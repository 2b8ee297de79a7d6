"""The licence texts of everything third-party in the site, from the packages themselves where they carry one."""

import html
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tooling.errors import BuildError
from tooling.paths import NODE_MODULES, ROOT, TAB_WHEELS, WEB, shown

LICENCE_NAME = re.compile(r"^(licen[cs]e|copying|notice)([._-].*)?$", re.IGNORECASE)

KEPT_HERE = WEB / "licenses"
"""Texts for packages that are published without one, as NAME.txt."""


@dataclass(frozen=True)
class Licence:
    """What one third-party package may be used under."""

    package: str
    version: str
    expression: str
    text: bytes

    @property
    def file_name(self) -> str:
        """Name the file that holds the text."""
        return re.sub(r"[^A-Za-z0-9.]+", "-", f"{self.package}-{self.version}").strip("-") + ".txt"


def licence_files() -> dict[str, bytes]:
    """Collect the site's licence texts by file name, with an `index.html` and an `index.json` of them."""
    own = Licence("irenic", "", "Apache-2.0", (ROOT / "LICENSE").read_bytes())
    licences = [
        own,
        *sorted([*_of_node_packages(), *_of_wheels(), *_of_parts()], key=lambda each: each.package.lower()),
    ]
    index = [
        {"package": each.package, "version": each.version, "license": each.expression, "file": each.file_name}
        for each in licences
    ]
    return {each.file_name: each.text for each in licences} | {
        "index.json": json.dumps(index, indent=1).encode(),
        "index.html": _index_page(licences).encode(),
    }


def _of_node_packages() -> Iterator[Licence]:
    lock: dict[str, Any] = json.loads((WEB / "package-lock.json").read_text())
    for place, entry in lock["packages"].items():
        if place and not entry.get("dev"):
            name = place.rpartition("node_modules/")[2]
            yield Licence(
                name, entry["version"], entry["license"], _text_of_node_package(WEB / place, name, entry["license"])
            )


def _text_of_node_package(folder: Path, name: str, expression: str) -> bytes:
    if texts := [path.read_bytes() for path in sorted(folder.iterdir()) if LICENCE_NAME.match(path.name)]:
        return b"\n".join(texts)
    kept = KEPT_HERE / f"{name.rpartition('/')[2]}.txt"
    if kept.exists():
        return kept.read_bytes()
    # A nested copy of a package that carries its text elsewhere in the tree.
    elsewhere = NODE_MODULES / name
    if elsewhere != folder and elsewhere.is_dir():
        return _text_of_node_package(elsewhere, name, expression)
    raise BuildError(
        f"The package {name} is published without its licence text ({expression}).",
        next_step=f"Write the text to {shown(kept)}.",
    )


def _of_wheels() -> Iterator[Licence]:
    for wheel in sorted(TAB_WHEELS.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        with zipfile.ZipFile(wheel) as archive:
            texts = [
                archive.read(member)
                for member in archive.namelist()
                if ".dist-info/" in member and LICENCE_NAME.match(member.rpartition("/")[2])
            ]
            (metadata,) = [member for member in archive.namelist() if member.endswith(".dist-info/METADATA")]
            found = re.search(r"^License(?:-Expression)?: (.+)$", archive.read(metadata).decode(), re.MULTILINE)
        if not texts:
            raise BuildError(
                f"{wheel.name} carries no licence text.", next_step=f"Leave it out of {shown(WEB / 'wheels.txt')}."
            )
        yield Licence(name, version, found.group(1) if found else "see the text", b"\n".join(texts))


def _of_parts() -> Iterator[Licence]:
    """Name what is inside a package of another name: Python and its standard library are inside Pyodide."""
    lock: dict[str, Any] = json.loads((NODE_MODULES / "pyodide" / "pyodide-lock.json").read_text())
    yield Licence("cpython", lock["info"]["python"], "PSF-2.0", (KEPT_HERE / "cpython.txt").read_bytes())


def _index_page(licences: list[Licence]) -> str:
    rows = "\n".join(
        f'<li><a href="{html.escape(each.file_name)}">{html.escape(f"{each.package} {each.version}".strip())}</a>: '
        f"{html.escape(each.expression)}</li>"
        for each in licences
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Licences</title>\n'
        '<meta name="viewport" content="width=device-width">\n</head>\n<body>\n<main>\n<h1>Licences</h1>\n'
        f'<p>What this site is made of, and under which terms. <a href="../">Back</a></p>\n<ul>\n{rows}\n</ul>\n'
        "</main>\n</body>\n</html>\n"
    )
