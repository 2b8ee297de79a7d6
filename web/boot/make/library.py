"""Make one zip file of bytecode out of the standard library and of wheels; runs inside Pyodide, for its bytecode.

The file takes the place of the standard library's own. Extension modules cannot be imported from a zip file: a package
that has one is left out of it and given back as files.
"""

import ast
import importlib.util
import zipfile
from collections.abc import Iterable
from importlib._bootstrap_external import _code_to_hash_pyc  # type: ignore[attr-defined]  # there is no public writer of bytecode
from typing import NamedTuple

LIBRARY = "/lib/python314.zip"
SITE_PACKAGES = "/lib/python3.14/site-packages"
TIMESTAMP = (1980, 1, 1, 0, 0, 0)

LEFT_OUT = (
    "pydantic/v1/",
    "pydantic/mypy.py",
    "pydantic/_hypothesis_plugin.py",
    "pydoc_data/",
    "lib2to3/",
    "idlelib/",
    "turtledemo/",
)
"""What no flow can use: pydantic's first version does not run on this Python, the rest is for people at a terminal."""

KEEPS_DOCSTRINGS = "irenic/items/"
"""The package whose docstrings are shown: a flow's picture says what its items are."""


class Native(NamedTuple):
    """A package with an extension module: the module's place and content, and the files of the package.

    Among the files the module is empty: it is loaded before Python looks for it, and only has to be there.
    """

    module: str
    content: bytes
    files: list[tuple[str, bytes]]


def make_library(stdlib: str, wheels: Iterable[str], library: str) -> list[Native]:
    """Write the zip file; return the packages that could not be put into it."""
    natives = []
    with zipfile.ZipFile(library, "w", zipfile.ZIP_STORED) as archive:
        for source in [stdlib, *wheels]:
            packages = _packages_of(source)
            for files in packages.values():
                module = next((name for name in files if name.endswith(".so")), None)
                if module is not None:
                    content = files[module]
                    files[module] = b""
                    placed = [(f"{SITE_PACKAGES}/{name}", content) for name, content in files.items()]
                    natives.append(Native(f"{SITE_PACKAGES}/{module}", content, placed))
                    continue
                for name, content in files.items():
                    archive.writestr(zipfile.ZipInfo(name, TIMESTAMP), content)
    return natives


def _packages_of(source: str) -> dict[str, dict[str, bytes]]:
    """Read an archive's files by name, grouped by the name's first part, sources as bytecode."""
    packages: dict[str, dict[str, bytes]] = {}
    with zipfile.ZipFile(source) as archive:
        for name in sorted(filter(_is_of_use, archive.namelist())):
            packages.setdefault(name.partition("/")[0], {})[name] = archive.read(name)
    for files in packages.values():
        root = SITE_PACKAGES if any(name.endswith(".so") for name in files) else LIBRARY
        for name in [name for name in files if name.endswith(".py")]:
            files[f"{name}c"] = _bytecode(files.pop(name), name, root)
    return packages


def _is_of_use(name: str) -> bool:
    if name.endswith(("/", ".pyi", "/py.typed", "/RECORD")) or ".dist-info/sboms/" in name:
        return False
    return not name.startswith(LEFT_OUT)


def _bytecode(source: bytes, name: str, root: str) -> bytes:
    tree = ast.parse(source)
    if not name.startswith(KEEPS_DOCSTRINGS):
        _drop_docstrings(tree)
    code = compile(tree, f"{root}/{name}", "exec", dont_inherit=True)
    # Marked as never to be compared with a source, which is not there.
    return bytes(_code_to_hash_pyc(code, importlib.util.source_hash(source), checked=False))


def _drop_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node, False
        ):
            if len(node.body) > 1:
                del node.body[0]
            else:
                node.body[0] = ast.copy_location(ast.Pass(), node.body[0])
