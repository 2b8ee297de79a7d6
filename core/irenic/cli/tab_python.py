"""The Python of a site's tabs: its version and platform, and the packages that every tab has."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import Version


class TabPython:
    """What a tab's Python is, read from the lock file that it loads wheels by.

    :param lock: a Pyodide lock file: https://pyodide.org/en/stable/usage/api/js-api.html, ``lockFileURL``.
    :param wheels: the wheels that it names.
    """

    def __init__(self, lock: dict[str, Any], wheels: Iterable[Path]) -> None:
        info = lock["info"]
        self.version: str = info["python"]
        self._machine: str = info["arch"]
        self._emscripten = ".".join(info["platform"].split("_")[1:])
        self.platform = f"pyemscripten_{info['abi_version']}_{self._machine}"
        """The platform tag (PEP 783) of compiled wheels: https://peps.python.org/pep-0783/."""
        self.packages: dict[NormalizedName, Version] = {}
        """The version of every package that the site itself holds, by normalised name."""
        self.wheels: dict[NormalizedName, Path] = {}
        for wheel in sorted(wheels):
            name, version, _, _ = parse_wheel_filename(wheel.name)
            self.packages[name], self.wheels[name] = version, wheel

    @classmethod
    def of_site(cls, site: Path, lock: str) -> "TabPython":
        """Read what the tabs of a built site have; ``lock`` is the place of the lock file in it."""
        path = site / lock
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(content, [path.with_name(package["file_name"]) for package in content["packages"].values()])

    @property
    def tag(self) -> str:
        """The tag of the Python of compiled wheels: ``cp314``."""
        return "cp" + "".join(self.version.split(".")[:2])

    @property
    def environment(self) -> dict[str, str]:
        """What markers are evaluated against: https://packaging.python.org/en/latest/specifications/dependency-specifiers/."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.version,
            "os_name": "posix",
            "platform_machine": self._machine,
            "platform_python_implementation": "CPython",
            "platform_release": self._emscripten,
            "platform_system": "Emscripten",
            "platform_version": "#1",
            "python_full_version": self.version,
            "python_version": ".".join(self.version.split(".")[:2]),
            "sys_platform": "emscripten",
        }
