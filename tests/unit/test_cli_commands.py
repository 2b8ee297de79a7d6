"""The commands, run in this process without a terminal."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.e2e.gated_flow import gated_flow
from tests.small_site import write_site

from irenic.cli import main
from irenic.cli.app import run
from irenic.cli.progress import ProgressChoice, chosen_progress
from irenic.model.events import journal_event
from irenic_server.__main__ import main as serve_main


class Result:
    """What a command wrote, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


Irenic = Callable[..., Result]


@pytest.fixture
def irenic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Irenic:
    """A function that runs a command in a new folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("IRENIC_", "GITHUB_")) or name in ("CI", "NO_COLOR")]:
        monkeypatch.delenv(name)

    def call(*arguments: str) -> Result:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return Result(int(code), out, err)

    return call


PRINTS = """
import asyncio, os, subprocess
subprocess.run(["echo", "from a child process"])
os.write(1, b"from the system's own call\\n")
"""


def write_flow(*items: str, name: str = "flow.py", chain: bool = True) -> str:
    """Write a flow file into the current folder."""
    Path(name).write_text(gated_flow(*items, chain=chain))
    return name


def test_a_new_flow_runs_at_once(irenic: Irenic) -> None:
    """What a newcomer types first, as the command itself says."""
    made = irenic("new", "hello")
    assert made.out == "hello.py is there. Next: irenic ensure hello.py --input name=Ada\n"
    assert irenic("ensure", "hello.py", "--input", "name=Ada").code == 0
    assert Path("hello/loud.txt").read_text() == "HELLO, ADA!\n"
    again = irenic("ensure", "hello.py")
    assert again.out.count("nothing to do") == 4
    assert irenic("clean", "hello.py").code == 0
    assert list(Path().glob("hello/*")) == []


def test_a_new_flow_does_not_take_the_place_of_another(irenic: Irenic) -> None:
    """And its name has to be one."""
    irenic("new", "my_flow.py")
    again = irenic("new", "my_flow")
    assert (again.code, again.err) == (2, "irenic: my_flow.py exists already: take another name, or move it away.\n")
    assert irenic("new", "9 lives").code == 2


def test_exit_codes_say_what_became_of_it(irenic: Irenic) -> None:
    """Complete, item error, usage, refused, failed, interrupted."""
    write_flow("a:at_once")
    write_flow("x:fails", name="failing.py")
    write_flow("w:waits", name="waiting.py")
    assert irenic("ensure", "flow.py", "-p", "dev").code == 0
    assert irenic("ensure", "failing.py", "-p", "failing").code == 1
    assert irenic("ensure", "flow.py", "--on-drift", "nonsense").code == 2
    assert irenic("status", "flow.py", "-p", "nothing").code == 4
    assert irenic("ensure", "waiting.py", "-p", "late", "--deadline", "0.1", "--strategy", "cancel").code == 130
    Path("a.done").unlink()
    refused = irenic("ensure", "flow.py", "-p", "dev", "--on-drift", "refuse")
    assert refused.code == 3
    assert "   stored  done: true, item: a\n   found   done: false, item: null\n" in refused.out
    assert irenic("diff", "flow.py", "-p", "dev", "--exit-code").code == 5


def test_on_windows_it_says_at_once_that_it_does_not_run_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Instead of failing at the first file that has to be locked."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, serve_main([])) == (4, 4)
    said = capsys.readouterr().err
    assert said.count("runs on Linux and macOS, not on Windows") == 2


@pytest.mark.parametrize("format", ["json", "yaml"])
def test_what_child_processes_print_is_not_on_standard_output(tmp_path: Path, format: str) -> None:
    """They inherit it; only the outcome is there, whoever prints, and however."""
    source = gated_flow("a:at_once").replace("import asyncio\n", PRINTS, 1)
    (tmp_path / "flow.py").write_text(source)
    command = [sys.executable, "-m", "irenic", "ensure", "flow.py", "--format", format, "--progress", "none"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert yaml.safe_load(done.stdout)["kind"] == "complete"
    assert "child" not in done.stdout
    assert "from a child process" in done.stderr
    assert "from the system's own" in done.stderr


def test_json_and_yaml_are_pure_and_the_same(irenic: Irenic) -> None:
    """Whatever the flow's code prints."""
    write_flow("a:prints")
    Path("a.go").touch()
    as_json = irenic("ensure", "flow.py", "--format", "json")
    as_yaml = irenic("ensure", "flow.py", "--format", "yaml")
    assert json.loads(as_json.out)["kind"] == "complete"
    assert json.loads(as_json.out).keys() == yaml.safe_load(as_yaml.out).keys()
    assert "printed by hand" in as_json.err
    assert irenic("ensure", "flow.py", "--format", "none", "--progress", "none").out == ""


def test_reading_commands_show_what_is_stored_or_what_is_found(irenic: Irenic) -> None:
    """Status and goal what is stored, unless --discover is given; diff what is there, unless --stored is."""
    write_flow("a:at_once")
    assert "run `irenic discover` first" in irenic("status", "flow.py").out
    assert irenic("discover", "flow.py").code == 0
    Path("a.done").touch()
    assert "done  false" in irenic("status", "flow.py").out
    assert "done  true" in irenic("status", "flow.py", "--discover").out
    assert "done  true" in irenic("goal", "flow.py").out
    assert "done: false -> true" in irenic("diff", "flow.py", "--stored").out
    assert "no difference" in irenic("diff", "flow.py").out


def test_two_profiles_are_compared(irenic: Irenic) -> None:
    """By their stored current states."""
    write_flow("a:at_once")
    irenic("discover", "flow.py", "-p", "dev")
    irenic("ensure", "flow.py", "-p", "prod")
    assert "done: false -> true" in irenic("diff", "flow.py", "--profiles", "dev,prod").out
    wrong = irenic("diff", "flow.py", "--profiles", "dev")
    assert (wrong.code, wrong.err) == (
        2,
        "irenic: --profiles dev does not name two profiles: write --profiles dev,prod.\n",
    )


def test_a_dry_run_changes_nothing(irenic: Irenic) -> None:
    """Neither the world nor the stored states."""
    write_flow("a:at_once")
    dry = irenic("ensure", "flow.py", "--dry-run")
    assert "dry run: nothing was changed" in dry.out
    assert not Path("a.done").exists()
    assert irenic("status", "flow.py").code == 4


def test_single_items_are_chosen_with_what_they_depend_on(irenic: Irenic) -> None:
    """Or without."""
    write_flow("a:at_once", "b:at_once", "c:at_once")
    irenic("ensure", "flow.py", "--item", "b", "--with-dependencies")
    assert Path("happened").read_text().splitlines() == ["a begins", "a ends", "b begins", "b ends"]
    unknown = irenic("ensure", "flow.py", "--item", "z")
    assert (unknown.code, unknown.err) == (2, "irenic: there is no item z in gated; it has: a, b, c.\n")


def test_a_preview_says_what_would_happen_and_why(irenic: Irenic) -> None:
    """As text, or for a program."""
    write_flow("a:at_once", "b:at_once")
    irenic("ensure", "flow.py", "--item", "a")
    text = irenic("preview", "flow.py").out
    assert re.search(r"a  skip +it is at its goal\n", text)
    assert re.search(r"b  run +it was never run; it is not at its goal\n", text)
    found = json.loads(irenic("preview", "flow.py", "--format", "json").out)
    assert [item["action"] for item in found["items"]] == ["skip", "run"]


def test_guards_are_named_in_the_outcome(irenic: Irenic) -> None:
    """Each by its option."""
    write_flow("a:at_once", "b:at_once", "c:at_once")
    Path("STOP").write_text("maintenance\n")
    failsafe = json.loads(irenic("ensure", "flow.py", "-f", "json", "--failsafe", "STOP").out)
    assert (failsafe["interrupt"]["source"], failsafe["interrupt"]["reason"]) == ("failsafe", "maintenance (STOP)")
    wrong = irenic("ensure", "flow.py", "--max-rate", "many")
    assert (wrong.code, wrong.err) == (
        2,
        "irenic: --max-rate many is not a rate: write a number and seconds, like 100/60.\n",
    )
    assert irenic("ensure", "flow.py", "--error-budget", "-1").code == 2


def test_executions_are_listed_shown_and_read(irenic: Irenic) -> None:
    """Newest first."""
    write_flow("a:at_once")
    irenic("ensure", "flow.py")
    irenic("clean", "flow.py")
    listed = irenic("executions", "list").out.splitlines()
    assert [line.split()[3] for line in listed] == ["clean", "ensure"]
    newest = listed[0].split()[0]
    assert irenic("executions", "show", newest).out.startswith("✅ clean complete: gated/default")
    assert json.loads(irenic("executions", "show", newest.lower(), "-f", "json").out)["execution_id"] == newest
    events = [journal_event.validate_json(e) for e in irenic("executions", "events", newest).out.splitlines()]
    assert [event.seq for event in events] == list(range(len(events)))
    rest = irenic("executions", "events", newest, "--after", "3", "--follow").out.splitlines()
    assert len(rest) == len(events) - 4
    assert irenic("executions", "interrupt", newest).out == "nothing to interrupt\n"
    assert json.loads(irenic("executions", "list", "--status", "running", "-f", "json").out) == []


def test_an_unknown_execution_is_a_usage_error(irenic: Irenic) -> None:
    """And says where to look."""
    write_flow("a:at_once")
    irenic("ensure", "flow.py")
    unknown = irenic("executions", "show", "01M86MQWZGBVQB4PDMD7H5X27W")
    assert unknown.code == 2
    assert unknown.err.endswith("see `irenic executions list`.\n")


def test_resume_goes_on_where_the_last_run_stopped(irenic: Irenic) -> None:
    """The flow's file is remembered; without a terminal nobody is asked."""
    write_flow("a:at_once", "b:waits")
    stopped = json.loads(irenic("ensure", "flow.py", "-f", "json", "--deadline", "0.3", "--strategy", "cancel").out)
    assert stopped["items"]["done"] == ["a"]
    Path("b.go").touch()
    resumed = irenic("resume", stopped["execution_id"])
    assert resumed.code == 0
    assert re.match(r"Resume ensure of gated/default, begun by .+ \d seconds? ago:\n", resumed.err)
    assert Path("happened").read_text().splitlines() == ["a begins", "a ends", "b begins", "b begins", "b ends"]
    newest = irenic("executions", "list", "-n", "1").out.split()[0]
    assert "there is nothing to resume" in irenic("resume", newest).err


def test_resume_finds_the_file_that_defines_the_flow(irenic: Irenic) -> None:
    """Where it was never run from here, as after a run in a tab; and asks for its name where it cannot know."""
    write_flow("a:waits")
    stopped = json.loads(irenic("ensure", "flow.py", "-f", "json", "--deadline", "0.2", "--strategy", "cancel").out)
    Path("a.go").touch()
    Path(".irenic/flow-files.json").unlink()
    Path("copy.py").write_text(Path("flow.py").read_text())
    unclear = irenic("resume", stopped["execution_id"])
    assert unclear.code == 2
    assert "several files define the flow gated (copy.py, flow.py)" in unclear.err
    Path("copy.py").unlink()
    assert irenic("resume", stopped["execution_id"]).code == 0


def test_resume_refuses_the_file_of_another_flow(irenic: Irenic) -> None:
    """It would do something else."""
    write_flow("a:waits")
    stopped = json.loads(irenic("ensure", "flow.py", "-f", "json", "--deadline", "0.2", "--strategy", "cancel").out)
    irenic("new", "hello")
    other = irenic("resume", stopped["execution_id"], "hello.py")
    assert other.code == 2
    assert "hello.py defines the flow hello, but" in other.err


def test_reports_are_written(irenic: Irenic) -> None:
    """Beside what is shown."""
    write_flow("x:fails")
    irenic("ensure", "flow.py", "--junit", "out/junit.xml", "--summary", "out/summary.md")
    assert '<failure message="the disk is full" type="OSError">' in Path("out/junit.xml").read_text()
    assert Path("out/summary.md").read_text().startswith("### ❌ ensure ended with an error: gated/default\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ensure", "none.py"], "there is no file none.py: make one with `irenic new none`."),
        (["ensure", "."], ". is a folder: name the flow's file in it."),
        (["ensure", "broken.py"], "broken.py could not be run: ZeroDivisionError: division by zero."),
        (["ensure", "empty.py"], 'empty.py defines no flow: write `flow = Flow("name")` in it.'),
        (["ensure", "lacking.py"], "Install what it needs: pip install 'left-pad>=1'"),
        (["ensure", "flow.py", "-p", "a b"], "'a b' is not a valid profile"),
        (["ensure", "flow.py", "--store", "ftp://x"], "--store ftp://x is neither a folder nor an http address."),
        (["ensure", "flow.py", "--store", "flow.py"], "--store flow.py is a file"),
        (["ensure", "flow.py", "--log-level", "loud"], "there is no log level 'loud'"),
        (["ensure", "flow.py", "--strategy", "hope"], "'hope' is not an interrupt strategy"),
        (["ensure", "flow.py", "--deadline", "0"], "the options are not valid: deadline"),
        (["export", "flow.py", "--out", "site"], "there is no built site in build/site"),
        (["serve", "empty"], "there is no flow file in empty"),
        (["serve", "flow.py"], "there is no built site in build/site. Build it"),
    ],
)
def test_usage_errors_say_what_to_do_next(irenic: Irenic, arguments: list[str], told: str) -> None:
    """Exit code 2, one sentence on standard error, nothing on standard output."""
    write_flow("a:at_once")
    Path("broken.py").write_text("1 / 0\n")
    Path("empty.py").write_text("")
    Path("empty").mkdir()
    Path("lacking.py").write_text('# /// script\n# dependencies = ["left-pad>=1"]\n# ///\nimport left_pad\n')
    result = irenic(*arguments)
    assert (result.code, result.out) == (2, "")
    assert told in result.err


def test_version_and_help_are_there(irenic: Irenic) -> None:
    """A command that is misspelt is guessed."""
    assert irenic("--version").out == "irenic 0.1.0\n"
    assert "Bring every item to its goal." in irenic("--help").out
    misspelt = irenic("ensur")
    assert misspelt.code == 2
    assert "Did you mean" in misspelt.err


def test_a_site_is_exported_with_other_flows_in_it(irenic: Irenic) -> None:
    """The built files are copied, the list of flows and the manifest are made anew."""
    irenic("new", "hello")
    write_site(Path("built"))
    made = irenic("export", "hello.py", "--out", "site", "--site", "built")
    assert (made.code, made.err) == (0, "")
    assert Path("site/index.html").read_text() == Path("built/index.html").read_text()
    assert all(path.stat().st_nlink == 1 for path in Path("site").rglob("*") if path.is_file())
    assert sorted(path.name for path in Path("site/flows").iterdir()) == ["hello.json", "hello.py", "index.json"]
    assert json.loads(Path("site/flows/index.json").read_text())["flows"][0]["id"] == "hello"
    files = json.loads(Path("site/manifest.json").read_text())["files"]
    of_flows = ["flows/hello.json", "flows/hello.py", "flows/index.json"]
    assert [place for place in files if not place.startswith("vendor/")] == [*of_flows, "index.html"]
    again = irenic("export", "hello.py", "--out", "site", "--site", "built")
    assert again.err == "irenic: site is not empty: name a new folder, or remove what is in it.\n"


@pytest.mark.parametrize(
    ("shell", "environment", "expected"),
    [
        ("bash", {"COMP_WORDS": "irenic ens", "COMP_CWORD": "1"}, "ensure"),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "irenic ens"}, "ensure"),
        ("fish", {"_TYPER_COMPLETE_ARGS": "irenic ens", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}, "ensure"),
        ("bash", {"COMP_WORDS": "irenic ensure flow.py --item b", "COMP_CWORD": "4"}, "beta"),
        ("bash", {"COMP_WORDS": "irenic ensure flow.py --profile de", "COMP_CWORD": "4"}, "dev"),
    ],
)
def test_shells_complete_commands_items_and_profiles(
    irenic: Irenic, monkeypatch: pytest.MonkeyPatch, shell: str, environment: dict[str, str], expected: str
) -> None:
    """In bash, zsh and fish."""
    write_flow("alpha:at_once", "beta:at_once")
    irenic("ensure", "flow.py", "-p", "dev")
    monkeypatch.setenv("_IRENIC_COMPLETE", f"complete_{shell}")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert expected in irenic().out


def test_bars_are_for_terminals_outside_of_ci() -> None:
    """And whatever is asked for explicitly is given."""

    class Terminal:
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    environment = os.environ.get("TERM")
    os.environ["TERM"] = "xterm"
    try:
        chosen = [
            chosen_progress(ProgressChoice.AUTO, terminal, {}),  # type: ignore[arg-type]  # all that is asked of it
            chosen_progress(ProgressChoice.AUTO, terminal, {"CI": "true"}),  # type: ignore[arg-type]  # as above
            chosen_progress(ProgressChoice.AUTO, terminal, {"CI": "false"}),  # type: ignore[arg-type]  # as above
            chosen_progress(ProgressChoice.NONE, terminal, {}),  # type: ignore[arg-type]  # as above
        ]
    finally:
        if environment is None:
            del os.environ["TERM"]
        else:
            os.environ["TERM"] = environment
    assert chosen == ["bars", "lines", "bars", "none"]


def test_nothing_is_searched_for_garbage_while_it_leaves() -> None:
    """The interpreter's last collection would hold up the shell; exit handlers run as ever."""
    watched = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > len(gc.get_objects())))"
    program = f"{watched}; from irenic.cli import main; main()"
    left = subprocess.run([sys.executable, "-c", program, "flow.py"], capture_output=True, text=True, check=False)
    assert (left.returncode, left.stdout) == (2, "True\n")
