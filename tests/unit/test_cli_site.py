"""Sites of one's own flows, made by the commands that people type, out of a small site."""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.small_site import write_site
from tests.wheels import write_wheel

from irenic.cli.app import run
from irenic.cli.flow_wheels import FlowWheels
from irenic.cli.flows import PackagesError
from irenic.cli.site import make_site

Run = Callable[..., int]
SERVED = "from irenic import Flow\nflow = Flow('{id}')\n"


def write_flow(name: str, *dependencies: str, imports: str = "") -> Path:
    """Write a flow into the current folder."""
    header = f"# /// script\n# dependencies = {json.dumps(['irenic', *dependencies])}\n# ///\n"
    path = Path(f"{name}.py")
    path.write_text(f"{header}{imports}\n{SERVED.format(id=name)}")
    return path


def listed(site: Path) -> dict[str, dict[str, object]]:
    """Return the flows that a site lists, by name."""
    flows = json.loads((site / "flows" / "index.json").read_text())["flows"]
    return {flow["name"]: flow for flow in flows}


@pytest.fixture
def irenic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs a command in a new folder; there is a built site, and pip knows no index."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("IRENIC_", "PIP_"))]:
        monkeypatch.delenv(name)
    for name, value in {"CONFIG_FILE": "/dev/null", "NO_INDEX": "1", "FIND_LINKS": "shelf"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("IRENIC_SITE", str(write_site(tmp_path / "built")))
    Path("shelf").mkdir()
    return lambda *arguments: int(run(list(arguments)))


def test_an_exported_site_holds_the_flows_and_their_wheels_and_nothing_of_others(irenic: Run) -> None:
    """The list names the wheels, the manifest describes every file that is there, the built site stays as it is."""
    wheel = write_wheel(Path("shelf"), "kettle", modules={"kettle.py": "WORD = 'hiss'"})
    before = {path: path.read_bytes() for path in Path("built").rglob("*") if path.is_file()}
    assert irenic("export", str(write_flow("tea", "kettle", imports="import kettle")), "--out", "site") == 0
    site = Path("site")
    assert listed(site) == {
        "tea": {"name": "tea", "id": "tea", "summary": "", "wheels": [f"vendor/wheels/{wheel.name}"]}
    }
    manifest = json.loads((site / "manifest.json").read_text())
    there = {path.relative_to(site).as_posix(): path for path in site.rglob("*") if path.is_file()}
    del there["manifest.json"]
    assert manifest["files"] == {place: hashlib.sha256(path.read_bytes()).hexdigest() for place, path in there.items()}
    assert [entry["name"] for entry in manifest["wheels"]] == ["irenic", "kettle", "pydantic", "pydantic-core"]
    assert manifest["wheels"][1] == {
        "name": "kettle",
        "version": "1.0",
        "file": f"vendor/wheels/{wheel.name}",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
    }
    assert manifest["build"] != "b"
    assert before == {path: path.read_bytes() for path in Path("built").rglob("*") if path.is_file()}


def test_what_a_flow_imports_from_its_wheels_is_not_imported_here(irenic: Run) -> None:
    """Two flows may need two versions of a package, and a server that runs flows has those that are installed."""
    reads = "from pathlib import Path\nWORD = Path(__file__).with_name('word.txt').read_text()\n"
    for name, version in (("old", "1.0"), ("new", "2.0")):
        modules = {"kettle/__init__.py": reads, "kettle/word.txt": name}
        write_wheel(Path("shelf"), "kettle", version, modules=modules)
        write_flow(name, f"kettle=={version}", imports=f"import kettle\nassert kettle.WORD == {name!r}")
    path = list(sys.path)
    assert irenic("export", "old.py", "new.py", "--out", "site") == 0
    assert "kettle" not in sys.modules
    assert [entry for entry in sys.path if entry not in path] == []
    assert [flow["wheels"] for flow in listed(Path("site")).values()] == [
        ["vendor/wheels/kettle-1.0-py3-none-any.whl"],
        ["vendor/wheels/kettle-2.0-py3-none-any.whl"],
    ]


def test_nothing_is_exported_unless_a_tab_can_run_every_flow(irenic: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """All that is wrong is told at once."""
    write_flow("good")
    write_flow("lacking", "kettle")
    write_flow("old", "pydantic<2")
    assert irenic("export", "good.py", "lacking.py", "old.py", "--out", "site") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "lacking.py asks for kettle: there is no wheel of kettle for a tab." in err
    assert "old.py asks for pydantic<2, and a tab of this site has pydantic 2.14.3" in err
    assert not Path("site").exists()


def test_a_site_that_is_served_shows_the_others_and_says_what_is_wrong(irenic: Run) -> None:
    """A flow that can be loaded here is shown with its problem; one that cannot be is left out."""
    flows = [write_flow("good"), write_flow("lacking", "kettle"), write_flow("unloadable", "pot", imports="import pot")]
    problems = make_site(Path("built"), Path("site"), flows, FlowWheels(Path("cache")), whole=False)
    assert [problem.partition(" asks for ")[0] for problem in problems] == ["lacking.py", "unloadable.py"]
    assert listed(Path("site")).keys() == {"good", "lacking"}
    assert listed(Path("site"))["lacking"]["problem"] == problems[0]
    assert "problem" not in listed(Path("site"))["good"]
    with pytest.raises(PackagesError, match="asks for pot"):
        make_site(Path("built"), Path("other"), flows[2:], FlowWheels(Path("cache")), whole=False)


def test_a_compiled_package_has_to_be_installed_here_too(irenic: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """To read the flow; the message says how."""
    write_wheel(Path("shelf"), "fast", tag="cp314-cp314-pyemscripten_2026_0_wasm32")
    write_flow("racing", "fast", imports="import fast")
    assert irenic("export", "racing.py", "--out", "site") == 2
    assert "No module named 'fast'. Install what it needs: pip install 'fast'" in capsys.readouterr().err


def test_two_wheels_of_one_name_are_told_apart(irenic: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Only one file of a name can lie in the site."""
    for folder in ("one", "other"):
        write_wheel(Path(folder), "kettle", modules={"kettle.py": f"WORD = {folder!r}"})
        write_flow(folder, f"kettle @ {folder}/kettle-1.0-py3-none-any.whl")
    assert irenic("export", "one.py", "other.py", "--out", "site") == 2
    assert "different files of the name kettle-1.0-py3-none-any.whl" in capsys.readouterr().err
    assert irenic("export", "one.py", "--out", "site") == 0


def test_a_header_that_cannot_be_read_names_its_file(irenic: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be one of many."""
    Path("flows").mkdir()
    Path("flows/bad.py").write_text("# /// script\n# dependencies = [\n# ///\n" + SERVED)
    assert irenic("export", "flows", "--out", "site") == 2
    assert capsys.readouterr().err.startswith("irenic: flows/bad.py: the `# /// script` block is not valid TOML")


NATIVE = """
from irenic import Flow
from irenic.items import ShCommand, TextFile

flow = Flow("native")
flow.add(TextFile("text"), dest="a.txt", text="a")
flow.add(ShCommand("made"), current="cat x", goal="echo y", ensure="echo y > x")
"""


@pytest.mark.usefixtures("irenic")
def test_a_flow_of_shell_items_is_not_exported_as_if_a_tab_could_run_it() -> None:
    """The message names the items, and how it is run; a served page shows it with that."""
    Path("native.py").write_text(NATIVE)
    wheels = FlowWheels(Path("cache"))
    with pytest.raises(PackagesError, match=r"native\.py has items that only run natively: made \(ShCommand\)"):
        make_site(Path("built"), Path("exported"), [Path("native.py")], wheels)
    assert not Path("exported").exists()
    (problem,) = make_site(Path("built"), Path("served"), [Path("native.py")], wheels, whole=False)
    assert problem.endswith("Run it with `irenic ensure native.py`.")
    assert listed(Path("served"))["native"]["problem"] == problem
