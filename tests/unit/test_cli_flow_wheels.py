"""What flows ask for in their headers: found for a tab by the real pip, in a folder that stands in for an index."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from tests.small_site import LOCK, TAB_TAG, write_site
from tests.wheels import write_wheel

from irenic.cli.flow_wheels import FlowWheels
from irenic.cli.flows import PackagesError
from irenic.cli.tab_python import TabPython
from irenic.flow.script import FlowHeader
from irenic.model.errors import FlowError

FLOW = Path("flow.py")


class Shelf:
    """A folder of wheels that pip looks into, and what is found for flows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shelf"
        self.cache = folder / "cache"
        self.flow = folder / "flow.py"
        self.tab = TabPython.of_site(write_site(folder / "site"), LOCK)
        self.told: list[str] = []

    def find(self, *dependencies: str, python: str | None = None, refresh: bool = False) -> list[str]:
        """Return the file names of the wheels of a flow with these dependencies."""
        header = FlowHeader.model_validate({"requires-python": python, "dependencies": dependencies})
        wheels = FlowWheels(self.cache, self.told.append, refresh=refresh)
        return [wheel.name for wheel in wheels.of(self.flow, header, self.tab)]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """An empty shelf; pip knows no index."""
    for name, value in {"CONFIG_FILE": "/dev/null", "NO_INDEX": "1", "FIND_LINKS": str(tmp_path / "shelf")}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    made = Shelf(tmp_path)
    made.folder.mkdir()
    return made


def test_what_every_tab_has_is_not_looked_for(shelf: Shelf) -> None:
    """Nor what is meant for other platforms, nor the extras of irenic, which are for terminals."""
    assert shelf.find() == []
    assert shelf.find("irenic[cli]>=0.1", "pydantic>=2,<3", "Pydantic_Core", "numpy; sys_platform == 'linux'") == []
    assert shelf.told == []
    assert not shelf.cache.exists()


def test_markers_are_those_of_the_tab_all_the_way_down(shelf: Shelf) -> None:
    """Whatever Python it is that runs pip; and extras are followed."""
    platforms = ["for-tab; sys_platform == 'emscripten'", "for-here; sys_platform != 'emscripten'"]
    pythons = ["new; python_version >= '3.14'", "backport; python_version < '3.14'"]
    write_wheel(shelf.folder, "top", requires=["middle[spare]>=1"])
    write_wheel(shelf.folder, "middle", requires=[*platforms, *pythons, "part; extra == 'spare'"], extras=["spare"])
    for name in ("for-tab", "new", "part"):
        write_wheel(shelf.folder, name)
    found = shelf.find("irenic", "top; platform_machine == 'wasm32'")
    assert [name.partition("-")[0] for name in found] == ["for_tab", "middle", "new", "part", "top"]
    assert shelf.told == [f'fetching what {shelf.flow} asks for: top; platform_machine == "wasm32"']


def test_what_every_tab_has_keeps_its_version_and_is_not_fetched_again(shelf: Shelf) -> None:
    """An older package is taken where the newest does not go with it."""
    write_wheel(shelf.folder, "pydantic", "3.0")
    write_wheel(shelf.folder, "fitting", "1.0", requires=["pydantic>=2", "irenic"])
    write_wheel(shelf.folder, "fitting", "2.0", requires=["pydantic>=3"])
    assert shelf.find("fitting") == ["fitting-1.0-py3-none-any.whl"]


def test_an_extra_of_what_every_tab_has_is_looked_for(shelf: Shelf) -> None:
    """`pydantic[email]` is more than pydantic."""
    write_wheel(
        shelf.tab.wheels[canonicalize_name("pydantic")].parent,
        "pydantic",
        "2.14.3",
        requires=["mail; extra == 'email'"],
        extras=["email"],
    )
    write_wheel(shelf.folder, "mail")
    assert shelf.find("pydantic[email]") == ["mail-1.0-py3-none-any.whl"]


def test_wheels_compiled_for_the_tab_are_found_and_others_are_not(shelf: Shelf) -> None:
    """The newest that a tab can load, even where there are newer ones."""
    write_wheel(shelf.folder, "fast", "1.0", tag=TAB_TAG)
    write_wheel(shelf.folder, "fast", "2.0", tag="cp314-cp314-manylinux_2_28_x86_64")
    assert shelf.find("fast") == [f"fast-1.0-{TAB_TAG}.whl"]
    with pytest.raises(PackagesError) as refused:
        shelf.find("fast>=2")
    assert str(refused.value) == (
        f"{shelf.flow} asks for fast>=2: there is no wheel of fast>=2 for a tab. Ask for another version or package: a "
        "tab loads wheels of Python alone, or for pyemscripten_2026_0_wasm32 and Python 3.14.2."
    )


def test_a_second_time_nothing_is_looked_for_until_it_is_asked_for(shelf: Shelf) -> None:
    """What is kept needs no index, and is replaced as a whole."""
    old = write_wheel(shelf.folder, "tea", "1.0")
    assert shelf.find("tea") == [old.name]
    old.unlink()
    assert shelf.find("tea") == [old.name]
    assert len(shelf.told) == 1
    new = write_wheel(shelf.folder, "tea", "2.0")
    assert shelf.find("tea") == [old.name]
    assert shelf.find("tea", refresh=True) == [new.name]
    assert shelf.find("tea") == [new.name]
    assert len(list(shelf.cache.iterdir())) == 1


def test_what_cannot_be_fetched_leaves_nothing_in_the_cache_and_takes_nothing_away(shelf: Shelf) -> None:
    """What was kept before is there still."""
    wheel = write_wheel(shelf.folder, "tea")
    assert shelf.find("tea") == [wheel.name]
    wheel.unlink()
    with pytest.raises(PackagesError):
        shelf.find("tea", refresh=True)
    assert shelf.find("tea") == [wheel.name]
    assert len(list(shelf.cache.iterdir())) == 1


def test_two_commands_may_fetch_the_same_at_the_same_time(shelf: Shelf) -> None:
    """Both find it whole."""
    wheel = write_wheel(shelf.folder, "tea")
    wheels = FlowWheels(shelf.cache, lambda told: found.append(shelf.find("tea")))
    found: list[list[str]] = []
    header = FlowHeader.model_validate({"dependencies": ["tea"]})
    assert [path.name for path in wheels.of(shelf.flow, header, shelf.tab)] == [wheel.name]
    assert found == [[wheel.name]]
    assert len(list(shelf.cache.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_named(shelf: Shelf) -> None:
    """With what to do about it."""
    write_wheel(shelf.folder, "tea")
    shelf.cache.write_text("a file where a folder should be")
    with pytest.raises(PackagesError, match=r"they cannot be kept in .*cache \(File exists\): make room there"):
        shelf.find("tea")


def test_a_wheel_beside_the_flow_is_named_by_its_path(shelf: Shelf) -> None:
    """It is taken anew when its content has changed."""
    folder = shelf.flow.parent / "my wheels"
    wheel = write_wheel(folder, "own", requires=["tea"])
    tea = write_wheel(shelf.folder, "tea")
    assert shelf.find("own @ ./my%20wheels/own-1.0-py3-none-any.whl") == [wheel.name, tea.name]
    assert shelf.find(f"own @ {wheel.as_uri()}") == [wheel.name, tea.name]
    write_wheel(folder, "own")
    assert shelf.find(f"own @ {wheel.as_uri()}") == [wheel.name]
    with pytest.raises(
        PackagesError, match=r"asks for own @ .*, and there is no file .*other-1\.0-py3-none-any\.whl\."
    ):
        shelf.find("own @ my%20wheels/other-1.0-py3-none-any.whl")


@pytest.mark.parametrize("address", ["https://example.org/own-1.0.tar.gz", "git+https://example.org/own", "./own"])
def test_what_would_have_to_be_built_is_refused(shelf: Shelf, address: str) -> None:
    """A tab can install nothing but wheels, and nothing is run to make one."""
    with pytest.raises(PackagesError, match=r"a tab can install nothing but wheels: build one \(`pip wheel`\)"):
        shelf.find(f"own @ {address}")


def test_a_named_wheel_of_another_platform_is_refused(shelf: Shelf) -> None:
    """In pip's words."""
    wheel = write_wheel(shelf.folder, "own", tag="cp314-cp314-win_amd64")
    with pytest.raises(PackagesError, match=r"pip says: own-1.0-cp314-cp314-win_amd64.whl is not a supported wheel"):
        shelf.find(f"own @ {wheel.as_uri()}")


def test_what_contradicts_the_site_is_named_with_the_site_s_version(shelf: Shelf) -> None:
    """In the header itself, and in what is asked for by it."""
    with pytest.raises(PackagesError, match=r"asks for pydantic<2, and a tab of this site has pydantic 2\.14\.3: "):
        shelf.find("pydantic<2")
    write_wheel(shelf.folder, "old", requires=["pydantic<2"])
    with pytest.raises(
        PackagesError, match=r"\(old 1\.0 depends on pydantic<2; a tab of this site has pydantic 2\.14\.3\)"
    ):
        shelf.find("old")


def test_what_does_not_go_together_is_named(shelf: Shelf) -> None:
    """And what is lacking, by the name of what is lacking."""
    write_wheel(shelf.folder, "tea", "1.0")
    write_wheel(shelf.folder, "tea", "2.0")
    write_wheel(shelf.folder, "pot", requires=["tea<2"])
    with pytest.raises(PackagesError, match=r"go together \(the header asks for tea>=2; pot 1\.0 depends on tea<2\)"):
        shelf.find("tea>=2", "pot")
    write_wheel(shelf.folder, "cup", requires=["china"])
    with pytest.raises(PackagesError, match=r"asks for cup: there is no wheel of china for a tab"):
        shelf.find("cup")


@pytest.mark.parametrize(
    ("dependencies", "python", "told"),
    [
        (["=tea"], None, "asks for '=tea' in its header, which names no package"),
        (["tea"], "3.11", "requires-python is '3.11' in its header: write it like '>=3.11'."),
    ],
)
def test_a_bad_header_says_how_it_is_written(
    shelf: Shelf, dependencies: list[str], python: str | None, told: str
) -> None:
    """That is an error in the flow, not a package that cannot be had."""
    with pytest.raises(FlowError, match=told) as refused:
        shelf.find(*dependencies, python=python)
    assert not isinstance(refused.value, PackagesError)


def test_a_flow_for_another_python_is_refused(shelf: Shelf) -> None:
    """The tab has one Python."""
    assert shelf.find(python=">=3.11") == []
    with pytest.raises(PackagesError, match=r"asks for Python <3\.14, and a tab of this site has 3\.14\.2"):
        shelf.find(python="<3.14")


def test_without_a_network_it_is_said_that_there_is_none(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not that there is no such package."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(PackagesError, match=r"asks for tea: the package index cannot be reached\. Check the network"):
        shelf.find("tea")


def test_without_pip_it_is_said_how_to_get_it(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some environments are made without it."""
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(PackagesError, match=r"pip is not there to fetch it: install it with `python -m ensurepip`"):
        shelf.find("tea")


def test_a_pip_that_does_not_take_the_tab_s_environment_is_noticed(tmp_path: Path) -> None:
    """Rather than that packages are missing in the tab."""
    for package in ("_internal/cli", "_vendor/packaging"):
        (tmp_path / "pip" / package).mkdir(parents=True)
    (tmp_path / "pip" / "__init__.py").touch()
    (tmp_path / "pip" / "_internal" / "cli" / "main.py").write_text("main = print\n")
    (tmp_path / "pip" / "_vendor" / "packaging" / "markers.py").write_text("from packaging.markers import Marker\n")
    command = [sys.executable, "-m", "irenic.cli.tab_pip", json.dumps({"sys_platform": "emscripten"}), "download"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "RuntimeError: this pip evaluates markers in a way that irenic does not know" in ran.stderr
