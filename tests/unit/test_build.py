"""`build.py`: nothing is built twice, nothing half-built is trusted, and the locks hold."""

import ast
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tooling import browser, console
from tooling.console import Console
from tooling.errors import BuildError
from tooling.packages import pinned_versions
from tooling.paths import NODE_MODULES, REQUIREMENTS, ROOT, TAB_WHEELS, WEB
from tooling.stamps import Step, digest, write_atomically
from tooling.tab_wheel import NOT_IN_TAB, write_tab_wheel
from tooling.wheel import SOURCE_DATE_EPOCH, TAB_WHEEL_BUDGET, check_budget, lock_of

LOCK_FILES = [*sorted(REQUIREMENTS.glob("*.txt")), WEB / "wheels.txt"]

# In pieces, so that this file does not name them either.
REGISTRY_HOSTS = re.compile(r"pypi\.\x6frg|python\x68osted|npm\x6as|registry\.y\x61rnpkg|deb\.deb\x69an")


class Kitchen:
    """A folder with one step in it, which makes `cake` from `flour`."""

    def __init__(self, folder: Path) -> None:
        self.flour = folder / "flour"
        self.cake = folder / "cake"
        self.stamps = folder / "stamps"
        self.times = 0
        self.burns = False
        self.flour.write_text("white")

    def bake(self) -> None:
        self.times += 1
        self.cake.write_text("half")
        if self.burns:
            raise BuildError("Burnt.", next_step="Turn the oven down.")
        self.cake.write_text(f"cake of {self.flour.read_text()} flour")

    def step(self) -> Step:
        return Step("cake", "a cake", (self.flour, "180 degrees"), (self.cake,), self.bake, self.stamps)


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    return Kitchen(tmp_path)


class TestStep:
    """What makes a step run, and what does not."""

    def test_it_runs_once(self, kitchen: Kitchen) -> None:
        """A second time there is nothing to do."""
        assert [kitchen.step().bring_up_to_date(), kitchen.step().bring_up_to_date()] == [True, False]
        assert kitchen.times == 1

    def test_it_runs_again_when_an_input_changed(self, kitchen: Kitchen) -> None:
        """The content counts, not the time of the file."""
        kitchen.step().bring_up_to_date()
        os.utime(kitchen.flour, (0, 0))
        assert not kitchen.step().bring_up_to_date()
        kitchen.flour.write_text("brown")
        assert kitchen.step().bring_up_to_date()
        assert kitchen.cake.read_text() == "cake of brown flour"

    def test_it_runs_again_when_its_output_is_gone(self, kitchen: Kitchen) -> None:
        """A stamp alone is not believed."""
        kitchen.step().bring_up_to_date()
        kitchen.cake.unlink()
        assert kitchen.step().bring_up_to_date()
        assert kitchen.cake.exists()

    def test_what_failed_half_way_is_repeated(self, kitchen: Kitchen) -> None:
        """Half an output without a stamp does not count, even where an earlier run had left one."""
        kitchen.step().bring_up_to_date()
        kitchen.flour.write_text("brown")
        kitchen.burns = True
        with pytest.raises(BuildError, match="Burnt"):
            kitchen.step().bring_up_to_date()
        assert kitchen.cake.read_text() == "half"

        kitchen.flour.write_text("white")
        kitchen.burns = False
        assert kitchen.step().bring_up_to_date()
        assert kitchen.cake.read_text() == "cake of white flour"

    def test_a_killed_build_is_repaired(self, kitchen: Kitchen) -> None:
        """The process dies inside the step, with no chance to clean up."""
        script = (
            "import os, signal\nfrom pathlib import Path\nfrom tooling.stamps import Step\n"
            f"cake = Path({str(kitchen.cake)!r})\n"
            "def die():\n    cake.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
            f"flour, stamps = Path({str(kitchen.flour)!r}), Path({str(kitchen.stamps)!r})\n"
            "Step('cake', '', (flour, '180 degrees'), (cake,), die, stamps).bring_up_to_date()\n"
        )
        died = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(WEB)}, check=False)
        assert died.returncode == -9
        assert kitchen.step().bring_up_to_date()
        assert kitchen.cake.read_text() == "cake of white flour"


class TestDigest:
    """What counts as a change of a folder."""

    def test_a_renamed_file_changes_it(self, tmp_path: Path) -> None:
        """Names count as much as contents."""
        (tmp_path / "a").write_text("1")
        before = digest(tmp_path)
        (tmp_path / "a").rename(tmp_path / "b")
        assert digest(tmp_path) != before

    def test_caches_do_not_change_it(self, tmp_path: Path) -> None:
        """Running the sources leaves bytecode behind."""
        before = digest(tmp_path)
        (tmp_path / "__pycache__").mkdir()
        (tmp_path / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"")
        assert digest(tmp_path) == before

    def test_a_missing_path_that_appears_changes_it(self, tmp_path: Path) -> None:
        """A step may name what is not there yet."""
        before = digest(tmp_path / "later")
        (tmp_path / "later").write_text("")
        assert digest(tmp_path / "later") != before


def test_threads_that_write_the_same_file_do_not_hinder_one_another(tmp_path: Path) -> None:
    """As where two files of the site have the same content, and so the same place among the compressed ones."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: write_atomically(tmp_path / "same", b"content"), range(400)))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"content"]


def test_writing_atomically_leaves_the_old_file_when_it_fails(tmp_path: Path) -> None:
    """No reader sees a part."""
    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\ud800")
    assert path.read_text() == "old"


class TestLocks:
    """The lock files, and what may never be in the tree."""

    def test_no_registry_is_named_anywhere_in_the_tree(self) -> None:
        """Where packages come from is the business of whoever installs them."""
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        tracked = [ROOT / name for name in listed.decode().split("\0") if name]
        texts = {path: path.read_text(errors="replace") for path in tracked if path.is_file()}
        assert [path for path, text in texts.items() if REGISTRY_HOSTS.search(text)] == []

    @pytest.mark.parametrize("path", LOCK_FILES, ids=lambda path: path.name)
    def test_every_requirement_has_a_version_and_hashes_and_nothing_else(self, path: Path) -> None:
        """No index, no address, no path of a machine."""
        hashed = r"[a-z0-9.-]+==\S+( ; [^\\\n]+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+"
        assert re.fullmatch(f"({hashed})+", path.read_text())

    def test_one_version_of_each_package_everywhere(self) -> None:
        """What is tested is what is served, and the tab runs what the server runs."""
        runtime, test, bench = (pinned_versions(REQUIREMENTS / f"{name}.txt") for name in ("runtime", "test", "bench"))
        tab = pinned_versions(WEB / "wheels.txt")
        del tab["micropip"]  # runs in the tab only
        assert runtime.items() <= test.items() <= bench.items()
        assert tab.items() <= runtime.items()
        peers = pinned_versions(REQUIREMENTS / "bench-tab.txt")
        assert (peers["marimo-base"], peers["msgspec"]) == (bench["marimo"], bench["msgspec"])

    def test_javascript_packages_are_pinned_without_addresses(self) -> None:
        """Each has its hash, none says where it was found."""
        lock = json.loads((WEB / "package-lock.json").read_text())
        packages = [entry for place, entry in lock["packages"].items() if place]
        assert [entry for entry in packages if "resolved" in entry] == []
        assert [entry for entry in packages if "integrity" not in entry] == []
        exact = json.loads((WEB / "package.json").read_text())["dependencies"]
        assert exact == {name: lock["packages"][f"node_modules/{name}"]["version"] for name in exact}


def imported_when_loaded(node: ast.AST) -> Iterator[str]:
    """Name the modules that a module's own loading imports: not what stands in functions or is for type checkers."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ImportFrom(module=str(module)):
                yield module
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.If(test=ast.Name(id="TYPE_CHECKING")):
                pass
            case _:
                yield from imported_when_loaded(child)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two wheels of the core, built one after the other."""
    built: list[Path] = []
    for _ in range(2):
        folder = tmp_path_factory.mktemp("wheel")
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
            env={**os.environ, "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH},
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        built += folder.glob("*.whl")
    return built


class TestCoreWheel:
    """The one file of ours that every tab downloads."""

    def test_it_is_the_same_bytes_every_time(self, wheels: list[Path]) -> None:
        """The same tree gives the same wheel, and so the same hash in the lock."""
        first, second = wheels
        assert first.read_bytes() == second.read_bytes()

    def test_so_is_what_the_tab_gets(self, wheels: list[Path], tmp_path: Path) -> None:
        """Its packer is one that tries; it ends at the same bytes, and the files are what they were."""
        for name, wheel in zip(("first", "second"), wheels, strict=True):
            write_tab_wheel(wheel, tmp_path / name)
        assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
        with zipfile.ZipFile(wheels[0]) as whole, zipfile.ZipFile(tmp_path / "first") as part:
            names = [name for name in part.namelist() if not name.endswith("/RECORD")]
            assert [part.read(name) for name in names] == [whole.read(name) for name in names]

    def test_the_tab_gets_no_room_that_it_cannot_use_and_keeps_its_budget(
        self, wheels: list[Path], tmp_path: Path
    ) -> None:
        """150 KB, and a RECORD that lists what is there."""
        for_tab = tmp_path / "tab.whl"
        write_tab_wheel(wheels[0], for_tab)
        assert for_tab.stat().st_size <= TAB_WHEEL_BUDGET
        with zipfile.ZipFile(for_tab) as archive:
            names = archive.namelist()
            record = archive.read("irenic-0.1.0.dist-info/RECORD").decode()
        assert [name for name in names if NOT_IN_TAB.match(name)] == []
        assert sorted(line.split(",")[0] for line in record.splitlines()) == sorted(names)

    def test_what_the_tab_gets_never_loads_what_it_does_not_get(self, wheels: list[Path], tmp_path: Path) -> None:
        """A module that stays may name one that is left out only inside a function, for another platform."""
        for_tab = tmp_path / "tab.whl"
        write_tab_wheel(wheels[0], for_tab)
        with zipfile.ZipFile(for_tab) as archive:
            sources = {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}
        places = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in sources}
        loaded = {module for source in sources.values() for module in imported_when_loaded(ast.parse(source))}
        assert sorted(module for module in loaded if module.startswith("irenic.") and module not in places) == []

    def test_it_holds_the_core_and_nothing_else(self, wheels: list[Path]) -> None:
        """No tests, no caches, no server."""
        with zipfile.ZipFile(wheels[0]) as archive:
            tops = {name.partition("/")[0] for name in archive.namelist()}
            assert tops == {"irenic", "irenic-0.1.0.dist-info"}
            assert "irenic/py.typed" in archive.namelist()
            assert [name for name in archive.namelist() if "__pycache__" in name] == []

    def test_a_wheel_over_its_budget_fails_the_build(self, tmp_path: Path) -> None:
        """And says what to do."""
        fat = tmp_path / "fat.whl"
        fat.write_bytes(bytes(TAB_WHEEL_BUDGET + 1))
        with pytest.raises(BuildError, match=r"fat\.whl has 200,001 bytes") as raised:
            check_budget(fat)
        assert "Make core/ smaller" in raised.value.next_step

    def test_pyodide_is_told_what_it_needs(self, wheels: list[Path]) -> None:
        """The lock file names, hashes and connects the wheels that lie beside it."""
        lock = lock_of([wheels[0], *TAB_WHEELS.glob("*.whl")])
        assert lock["packages"]["irenic"]["depends"] == ["pydantic"]
        assert lock["packages"]["irenic"]["imports"] == ["irenic"]
        assert lock["packages"]["pydantic"]["depends"] == [
            "annotated-types",
            "pydantic-core",
            "typing-extensions",
            "typing-inspection",
        ]
        assert lock["info"] == json.loads((NODE_MODULES / "pyodide" / "pyodide-lock.json").read_text())["info"]


class TestConsole:
    """Programs that the build starts."""

    @pytest.fixture(autouse=True)
    def logs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Keep the tree's own logs."""
        monkeypatch.setattr(console, "LOGS", tmp_path)

    def test_a_program_that_fails_ends_the_build_with_what_it_said(self) -> None:
        """The end of its output, and the next step."""
        script = "print('no room'); raise SystemExit(3)"
        with pytest.raises(BuildError, match="ended with code 3") as raised:
            Console().command([sys.executable, "-c", script], log="x", next_step="Make room.")
        assert (raised.value.log, raised.value.next_step) == ("no room", "Make room.")

    def test_a_program_that_is_not_there_ends_the_build(self) -> None:
        """In words, not as a traceback."""
        with pytest.raises(BuildError, match="no-such-program is not installed"):
            Console().command(["no-such-program"], log="x", next_step="Install it.")


class TestBrowser:
    """Which browser is used."""

    def test_the_variable_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever else is installed."""
        monkeypatch.setenv(browser.VARIABLE, sys.executable)
        assert browser.find_browser() == Path(sys.executable)

    def test_a_variable_that_names_nothing_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rather than another browser in silence."""
        monkeypatch.setenv(browser.VARIABLE, "/no/such/browser")
        with pytest.raises(BuildError, match="/no/such/browser"):
            browser.find_browser()

    def test_none_is_an_answer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The page can be served without."""
        monkeypatch.setattr(browser, "BROWSER_FILE", tmp_path / "browser.json")
        monkeypatch.delenv(browser.VARIABLE, raising=False)
        monkeypatch.setenv("PATH", "/nowhere")
        assert browser.find_browser() is None

    def test_without_firefox_it_is_said_what_is_left_out(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Where this program can install nothing, the rest is tested."""
        monkeypatch.setenv("PATH", "/nowhere")
        for name in (browser.FIREFOX_VARIABLE, "CI"):
            monkeypatch.delenv(name, raising=False)
        browser.provide_firefox(Console())
        assert "without Firefox (on Debian: `apt-get install firefox-esr`)" in capsys.readouterr().err

    def test_without_firefox_continuous_integration_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There nothing may be left out in silence."""
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.setenv("CI", "true")
        monkeypatch.delenv(browser.FIREFOX_VARIABLE, raising=False)
        with pytest.raises(BuildError, match="no Firefox"):
            browser.provide_firefox(Console())


def run_build(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run build.py as a person does."""
    return subprocess.run([sys.executable, ROOT / "build.py", *arguments], capture_output=True, text=True, check=False)


class TestCommandLine:
    """`build.py` itself."""

    def test_help_names_every_command(self) -> None:
        """The list in the help is the list there is."""
        shown = run_build("--help")
        assert shown.returncode == 0
        listed = re.findall(r"^    (\w+) ", shown.stdout, re.MULTILINE)
        assert listed == ["setup", "serve", "test", "bench", "lock", "clean"]

    def test_an_unknown_option_is_refused_before_anything_is_done(self) -> None:
        """With what to do next."""
        refused = run_build("setup", "--fast")
        assert refused.returncode == 1
        assert "Unknown: --fast." in refused.stderr
        assert "Next: See `python3 build.py --help`." in refused.stderr

    def test_continuous_integration_runs_one_command(self) -> None:
        """The one that a person runs."""
        lines = (ROOT / ".ci" / "run").read_text().splitlines()
        assert lines[-1] == "exec python3 build.py test"
