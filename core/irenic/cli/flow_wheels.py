"""What a flow asks for in its header (PEP 723) beyond what every tab has, as wheels that a tab can load.

FlowWheels.of         the requirements that are meant for a tab; their wheels, out of the cache or by pip
needed_packages       markers, extras and direct references, and what contradicts the site
_download             pip, for the tab's platform, with what the site holds as given
_reason               what pip says, in words for whoever wrote the flow
"""

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import url2pathname

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from irenic.cli.flows import PackagesError
from irenic.cli.tab_python import TabPython
from irenic.flow.script import FlowHeader
from irenic.model.errors import FlowError

_UNREACHABLE = re.compile(r"connection broken by|Could not fetch URL|ProxyError|Max retries exceeded")
_NO_WHEEL = re.compile(r"No matching distribution found for (.+?)(?: \(from .*)?$", re.MULTILINE)
_CONFLICT = re.compile(r"The conflict is caused by:\n(.*?)\n\n", re.DOTALL)
_HELD = re.compile(r"The user requested \(constraint\) (\S+).*")


class FlowWheels:
    """Finds the wheels of flows, once: they are kept in a folder until a flow asks for something else.

    :param cache: the folder.
    :param tell: told what is about to be fetched, which may take its time.
    :param refresh: fetch anew what is kept.
    """

    def __init__(self, cache: Path, tell: Callable[[str], None] = lambda text: None, *, refresh: bool = False) -> None:
        self._cache = cache
        self._tell = tell
        self._refresh = refresh
        self.used: set[Path] = set()
        """The folders in the cache that the flows so far have needed."""

    def of(self, flow: Path, header: FlowHeader, tab: TabPython) -> list[Path]:
        """Return the wheels that a flow's header asks for beyond what every tab has, with all that they need.

        :raises PackagesError: if they cannot be had, or contradict what every tab has.
        :raises FlowError: if the header asks for what is no package.
        """
        wanted = needed_packages(flow, header, tab)
        if not wanted:
            return []
        kept = self._cache / _key(wanted, tab)
        if self._refresh or not kept.is_dir():
            self._fetch(flow, wanted, tab, kept)
        self.used.add(kept)
        return sorted(kept.glob("*.whl"))

    def _fetch(self, flow: Path, wanted: list[Requirement], tab: TabPython, kept: Path) -> None:
        self._tell(f"fetching what {flow} asks for: {', '.join(map(str, wanted))}")
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix="fetching-", dir=self._cache) as scratch:
                fetched = Path(scratch, "wheels")
                _download(flow, wanted, tab, fetched)
                self._put(fetched, kept, Path(scratch, "before"))
        except OSError as error:
            raise PackagesError(
                f"{flow} asks for packages, and they cannot be kept in {self._cache} ({error.strerror}): make room "
                "there, or name another folder for caches (XDG_CACHE_HOME)."
            ) from error

    def _put(self, fetched: Path, kept: Path, before: Path) -> None:
        """Put what was fetched where it is kept, as a whole."""
        if self._refresh and kept.is_dir():
            kept.rename(before)
        try:
            fetched.rename(kept)
        except OSError:
            if not kept.is_dir():  # another process that fetched the same was quicker
                raise


def needed_packages(flow: Path, header: FlowHeader, tab: TabPython) -> list[Requirement]:
    """Return what a flow's header asks for in a tab beyond what every tab has.

    :raises PackagesError: if it contradicts what every tab has.
    :raises FlowError: if the header asks for what is no package.
    """
    _check_python(flow, header, tab)
    requirements = [_requirement(flow, text) for text in header.dependencies]
    meant = [each for each in requirements if each.marker is None or each.marker.evaluate(tab.environment)]
    return [_located(flow, each) for each in meant if not _is_held(flow, each, tab)]


def _check_python(flow: Path, header: FlowHeader, tab: TabPython) -> None:
    try:
        fits = SpecifierSet(header.requires_python or "").contains(tab.version, prereleases=True)
    except InvalidSpecifier:
        raise FlowError(
            f"{flow}: requires-python is {header.requires_python!r} in its header: write it like '>=3.11'."
        ) from None
    if not fits:
        raise PackagesError(
            f"{flow} asks for Python {header.requires_python}, and a tab of this site has {tab.version}: allow it in "
            "requires-python."
        )


def _requirement(flow: Path, text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        what = str(error).partition("\n")[0]
        raise FlowError(
            f"{flow} asks for {text!r} in its header, which names no package ({what}): write it like 'humanize>=4'."
        ) from None


def _located(flow: Path, requirement: Requirement) -> Requirement:
    """Give a direct reference its whole address; a path without a scheme begins in the flow's folder."""
    url = requirement.url
    if url is None:
        return requirement
    located = Requirement(str(requirement))
    located.url = urljoin(f"{flow.resolve().parent.as_uri()}/", url)
    try:
        parse_wheel_filename(unquote(urlsplit(located.url).path.rpartition("/")[2]))
    except InvalidWheelFilename:
        raise PackagesError(
            f"{flow} asks for {requirement}, and a tab can install nothing but wheels: build one (`pip wheel`) and "
            "name that."
        ) from None
    local = _local_file(located.url)
    if local is not None and not local.is_file():
        raise PackagesError(f"{flow} asks for {requirement}, and there is no file {local}.")
    return located


def _local_file(address: str) -> Path | None:
    parts = urlsplit(address)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def _is_held(flow: Path, requirement: Requirement, tab: TabPython) -> bool:
    name = canonicalize_name(requirement.name)
    if name not in tab.packages:
        return False
    held = tab.packages[name]
    if not requirement.specifier.contains(held, prereleases=True):
        raise PackagesError(
            f"{flow} asks for {requirement}, and a tab of this site has {name} {held}: allow that version in its "
            "header, or take a site of another build (--site)."
        )
    # The extras of irenic are for terminals.
    return name == "irenic" or not (requirement.extras or requirement.url)


def _key(wanted: Iterable[Requirement], tab: TabPython) -> str:
    """Name a place in the cache: by what is asked for, and by all that the answer depends on but the index itself."""
    files = [_local_file(requirement.url) for requirement in wanted if requirement.url]
    contents = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file is not None]
    held = {name: str(version) for name, version in tab.packages.items()}
    inputs = [tab.version, tab.platform, held, sorted(map(str, wanted)), contents]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:32]


def _download(flow: Path, wanted: list[Requirement], tab: TabPython, folder: Path) -> None:
    asked = ", ".join(map(str, wanted))
    if importlib.util.find_spec("pip") is None:
        raise PackagesError(
            f"{flow} asks for {asked}, and pip is not there to fetch it: install it with `python -m ensurepip`, or "
            "`uv pip install pip`."
        )
    folder.mkdir()
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{name} @ {wheel.resolve().as_uri()}\n" for name, wheel in tab.wheels.items()))
    command = [
        *(sys.executable, "-P", "-m", "irenic.cli.tab_pip", json.dumps(tab.environment)),
        *("download", "--disable-pip-version-check", "--no-input", "--progress-bar=off", "--dest", str(folder)),
        *("--only-binary=:all:", "--platform", tab.platform, "--abi", tab.tag),
        *("--implementation", "cp", "--python-version", tab.version),
        *("--constraint", str(constraints), *map(str, wanted)),
    ]
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if ran.returncode != 0:
        raise PackagesError(f"{flow} asks for {asked}: {_reason(ran.stdout + ran.stderr, tab)}")
    constraints.unlink()
    for wheel in folder.glob("*.whl"):
        if parse_wheel_filename(wheel.name)[0] in tab.packages:
            wheel.unlink()


def _reason(said: str, tab: TabPython) -> str:
    """Say why pip found nothing, and what to do next."""
    a_tab_loads = f"a tab loads wheels of Python alone, or for {tab.platform} and Python {tab.version}"
    if _UNREACHABLE.search(said):
        return "the package index cannot be reached. Check the network and pip's settings (`pip config list`)."
    missing = _NO_WHEEL.search(said)
    if missing is not None:
        return f"there is no wheel of {missing[1]} for a tab. Ask for another version or package: {a_tab_loads}."
    conflict = _CONFLICT.search(said)
    if conflict is None:
        errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
        return f"pip says: {(errors or said.strip().splitlines() or ['nothing'])[-1]}"
    lines = [_HELD.sub(lambda match: _of_the_site(match[1], tab), line.strip()) for line in conflict[1].splitlines()]
    reasons = "; ".join(line.replace("The user requested", "the header asks for") for line in lines)
    return (
        f"no wheels of it that a tab loads go together ({reasons}). Loosen its header, or ask for less: {a_tab_loads}."
    )


def _of_the_site(package: str, tab: TabPython) -> str:
    return f"a tab of this site has {package} {tab.packages[canonicalize_name(package)]}"
