"""Day two at the command line, with real processes: whatever has changed, what is printed as next works."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.cloud import CLOUD, Cloud
from tests.e2e.terminal_session import TerminalSession

IRENIC = [sys.executable, "-m", "irenic"]
WITHIN = 60.0
"""How long a command may take on a busy machine, in seconds."""
ROOT = Path(__file__).resolve().parents[2]

Result = subprocess.CompletedProcess[str]

HEAD = '''
from typing import Any

from pydantic import BaseModel

from irenic import Flow, Generated, Item


class P(BaseModel):
    path: str
    text: str
    mark: str | None = None


class S(BaseModel):
    text: str | None = None
    mark: str | None = None
    size: Generated[int] = None


class Note(Item[P, S]):
    """A text file, as somebody writes it first: it does not say which one it is."""

    async def state_current(self, cx: Any, params: P) -> S:
        if await cx.fs.stat(params.path) is None:
            return S()
        text, _, mark = (await cx.fs.read_bytes(params.path)).decode().partition("|")
        return S(text=text, mark=mark or None, size=len(text))

    async def state_goal(self, cx: Any, params: P) -> S:
        return S(text=params.text, mark=params.mark)

    def state_clean(self, params_partial: Any) -> S:
        return S()

    async def apply(self, cx: Any, params: P, current: S, target: S, diff: Any) -> S:
        if target.text is None:
            await cx.fs.remove(params.path)
            return S()
        async with cx.fs.write(params.path) as file:
            await file.write(f"{target.text}|{target.mark or ''}".encode())
            await file.commit()
        return S(text=target.text, mark=target.mark, size=len(target.text))
'''


class Folder:
    """The folder in which the commands run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def flow(self, name: str, body: str, head: str = HEAD) -> str:
        """Write a flow's file and return its name."""
        file = f"{name}.py"
        (self.path / file).write_text(f"{head}\n\nflow = Flow({name!r})\n{textwrap.dedent(body)}")
        return file

    def irenic(self, *arguments: str, code: int = 0) -> Result:
        """Run a command of irenic where nobody can be asked, and check its exit code."""
        result = subprocess.run(
            [*IRENIC, *arguments],
            cwd=self.path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=False,
        )
        assert result.returncode == code, result.stdout + result.stderr
        return result

    def outcome(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run a command and return its outcome as data."""
        outcome: dict[str, Any] = json.loads(self.irenic(*arguments, "--format", "json", code=code).stdout)
        return outcome

    def follow(self, result: Result, number: int = 0) -> Result:
        """Run what a result says is next, as it is printed."""
        return self.irenic(*next_of(result.stdout)[number])

    def files(self) -> set[str]:
        """Return the names of the files that flows have made."""
        found = (path.relative_to(self.path) for path in self.path.rglob("*") if path.is_file())
        return {
            path.as_posix()
            for path in found
            if path.suffix != ".py" and not {".irenic", "__pycache__"} & set(path.parts)
        }


def environment() -> dict[str, str]:
    """Return an environment in which nothing says where the tests run."""
    return {name: value for name, value in os.environ.items() if not name.startswith("IRENIC_") and name != "CI"}


def next_of(text: str) -> list[list[str]]:
    """Return the commands that a text says are next, without the word irenic."""
    _, _, rest = text.partition("Next: ")
    lines = [line.strip().partition("   (")[0] for line in rest.replace(", then ", "\n").splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("irenic ")]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty folder."""
    return Folder(tmp_path)


@pytest.fixture
def in_terminal(folder: Folder) -> Iterator[Callable[..., TerminalSession]]:
    """A function that runs a command of irenic in a terminal; each has ended after the test."""
    sessions: list[TerminalSession] = []

    def run(*arguments: str) -> TerminalSession:
        sessions.append(TerminalSession([*IRENIC, *arguments], folder.path, columns=120))
        return sessions[-1]

    yield run
    for session in sessions:
        session.close()


# What a new user tries.


@pytest.fixture
def demo(folder: Folder) -> Folder:
    """A folder with the flow of ``irenic new``, which was ensured."""
    assert "demo.py is there" in folder.irenic("new", "demo").stdout
    folder.irenic("ensure", "demo.py")
    assert folder.files() == {"demo/greeting.txt", "demo/loud.txt"}
    return folder


def test_a_file_that_was_deleted_comes_back_and_the_outcome_says_so(demo: Folder) -> None:
    """Where nobody can be asked it is repaired, and the second ensure has nothing to do."""
    (demo.path / "demo/greeting.txt").unlink()
    outcome = demo.outcome("ensure", "demo.py")
    assert (outcome["kind"], list(outcome["drift"])) == ("complete", ["greeting"])
    assert (demo.path / "demo/greeting.txt").read_text() == "Hello, world!\n"
    (demo.path / "demo/greeting.txt").unlink()
    result = demo.irenic("ensure", "demo.py")
    assert re.search(r"greeting +repaired +it was missing", result.stdout)
    assert "nothing to do" in demo.irenic("ensure", "demo.py").stdout


@pytest.mark.parametrize("number", [0, 1], ids=["repair", "accept"])
def test_refused_drift_names_two_ways_and_both_work(demo: Folder, number: int) -> None:
    """Exit code 3, and nothing was touched."""
    (demo.path / "demo/greeting.txt").write_text("Hi!\n")
    result = demo.irenic("ensure", "demo.py", "--on-drift", "refuse", code=3)
    assert "changed outside irenic: greeting" in result.stdout
    assert (demo.path / "demo/greeting.txt").read_text() == "Hi!\n"
    demo.follow(result, number)
    demo.irenic("ensure", "demo.py", "--on-drift", "refuse")
    assert (demo.path / "demo/greeting.txt").read_text() == "Hello, world!\n"


def test_the_terminal_asks_and_shows_details_and_goes_on(
    demo: Folder, in_terminal: Callable[..., TerminalSession]
) -> None:
    """Stored, found and goal, side by side; details are the whole preview."""
    (demo.path / "demo/greeting.txt").unlink()
    session = in_terminal("ensure", "demo.py")
    lines = session.wait_for("Go on? [Y/n/details]")
    text = "\n".join(lines)
    assert re.search(r"greeting +changed outside irenic since", text)
    assert re.search(r"stored +text: ", text)
    assert re.search(r"found +nothing", text)
    assert re.search(r"goal +text: ", text)
    assert re.search(r"loud +.*known after greeting is applied", text)
    seen = len(session.output)
    session.type("details\n")
    session.wait_for("Go on? [Y/n/details]", since=seen)
    assert "check again" in session.output[seen:]
    session.type("\n")
    assert session.wait() == 0
    assert (demo.path / "demo/greeting.txt").exists()


def test_the_terminal_takes_no_for_an_answer(demo: Folder, in_terminal: Callable[..., TerminalSession]) -> None:
    """Nothing is started, and no execution is recorded."""
    before = json.loads(demo.irenic("executions", "list", "--format", "json").stdout)
    (demo.path / "demo/greeting.txt").unlink()
    session = in_terminal("ensure", "demo.py")
    session.wait_for("Go on? [Y/n/details]")
    session.type("n\n")
    assert session.wait() == 130
    assert "nothing was started" in session.output
    assert demo.files() == {"demo/loud.txt"}
    assert json.loads(demo.irenic("executions", "list", "--format", "json").stdout) == before


def test_the_terminal_asks_nothing_where_nothing_is_to_be_decided(
    demo: Folder, in_terminal: Callable[..., TerminalSession]
) -> None:
    """Nor with --yes where something is."""
    session = in_terminal("ensure", "demo.py")
    assert session.wait() == 0
    assert "Go on?" not in session.output
    (demo.path / "demo/greeting.txt").unlink()
    session = in_terminal("ensure", "demo.py", "--yes")
    assert session.wait() == 0
    assert "Go on?" not in session.output


def test_the_readmes_flow_with_another_path_makes_the_new_file_and_prunes_the_old_one(folder: Folder) -> None:
    """The author's edit is no drift; what is printed as next removes what is left over."""
    readme = (ROOT / "README.md").read_text()
    hello = next(code for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if '"greeting.txt"' in code)
    (folder.path / "hello.py").write_text(hello)
    folder.irenic("ensure", "hello.py")
    before = folder.files()
    (folder.path / "hello.py").write_text(hello.replace('"greeting.txt"', '"hi.txt"'))
    result = folder.irenic("ensure", "hello.py", "--on-drift", "refuse")
    assert folder.files() == {*before, "hi.txt"}
    assert "left over" in result.stdout
    folder.follow(result)
    assert folder.files() == {*before, "hi.txt"} - {"greeting.txt"}
    folder.irenic("clean", "hello.py")
    assert folder.files() == set()


TWO = """
a = flow.add(Note("a"), path="a.txt", text="a")
b = flow.add(Note("b"), path="b.txt", text="b")
flow.edge(a, b)
"""
ONE = """
a = flow.add(Note("a"), path="a.txt", text="a")
"""


def test_an_item_that_was_taken_out_is_shown_and_cleaned(folder: Folder) -> None:
    """By status, diff, preview and ensure; clean removes it."""
    folder.irenic("ensure", folder.flow("two", TWO))
    folder.flow("two", ONE)
    for command in ("status", "diff", "preview", "ensure"):
        assert re.search(r"b +left over", folder.irenic(command, "two.py").stdout), command
    assert folder.files() == {"a.txt", "b.txt"}
    assert re.search(r"b +left over", folder.irenic("state", "list", "two.py").stdout)
    folder.irenic("clean", "two.py")
    assert folder.files() == set()


@pytest.mark.parametrize(("number", "left"), [(0, {"a.txt"}), (1, {"a.txt", "b.txt"})], ids=["prune", "forget"])
def test_each_way_that_ensure_names_for_a_leftover_works(folder: Folder, number: int, left: set[str]) -> None:
    """Afterwards there is none."""
    folder.irenic("ensure", folder.flow("two", TWO))
    folder.flow("two", ONE)
    folder.follow(folder.irenic("ensure", "two.py"), number)
    assert folder.files() == left
    assert folder.outcome("ensure", "two.py")["leftovers"] == []


def test_a_program_that_is_started_twice_has_its_outcome_twice(folder: Folder) -> None:
    """The program of docs/library.md: its world lives in its memory, so that the second process finds nothing."""
    page = (ROOT / "docs/library.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert blocks[1].rstrip().endswith("\noutcome = asyncio.run(main())")
    (folder.path / "program.py").write_text(f"{blocks[0]}\n{blocks[1].rstrip()}\nprint('complete')\n")
    for _ in range(2):
        result = subprocess.run(
            [sys.executable, "program.py"],
            cwd=folder.path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=False,
        )
        assert (result.returncode, result.stdout.split()[-1:]) == (0, ["complete"]), result.stderr


def test_the_commands_sample_of_the_docs_works_in_an_empty_folder(folder: Folder) -> None:
    """What its scripts need is made by the item before it; preview, status and diff do not fail before that."""
    page = (ROOT / "docs/items.md").read_text()
    sample = next(code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "ShCommand(" in code)
    (folder.path / "notes.py").write_text(sample)
    for command in ("preview", "diff", "discover", "ensure", "ensure", "status"):
        folder.irenic(command, "notes.py")
    assert folder.files() == {"notes/config.ini", "notes/copy.ini"}
    (folder.path / "notes/config.ini").unlink()
    folder.irenic("ensure", "notes.py")
    folder.irenic("clean", "notes.py")
    assert folder.files() == set()


# Cases that once went wrong.


def test_a_resume_is_about_the_items_that_were_asked_for(folder: Folder) -> None:
    """And not about those that were left out on purpose."""
    slow = """
    import asyncio

    class Slow(Note):
        async def apply(self, cx, params, current, target, diff):
            while not (await cx.fs.stat("go")):
                await asyncio.sleep(0.02)
            return await super().apply(cx, params, current, target, diff)

    a = flow.add(Slow("a"), path="a.txt", text="a")
    b = flow.add(Slow("b"), path="b.txt", text="b")
    c = flow.add(Note("c"), path="c.txt", text="c")
    flow.edge(a, b)
    """
    file = folder.flow("part", slow)
    result = folder.irenic(
        "ensure", file, "--item", "a", "--item", "b", "--deadline", "0.3", "--strategy", "cancel", code=130
    )
    (folder.path / "go").touch()
    resumed = folder.follow(result)
    assert "items a, b only" in resumed.stderr
    assert folder.files() == {"go", "a.txt", "b.txt"}


def test_an_apply_that_does_nothing_is_an_error_that_shows_both_states(folder: Folder) -> None:
    """Nothing after it starts."""
    file = folder.flow(
        "lie",
        """
        class Lie(Note):
            async def apply(self, cx, params, current, target, diff):
                return S()

        lie = flow.add(Lie("lie"), path="lie.txt", text="x")
        after = flow.add(Note("after"), path="after.txt", text="y")
        flow.edge(lie, after)
        """,
    )
    result = folder.irenic("ensure", file, code=1)
    assert "apply returned text: None, which still differs in text: the goal is text: 'x'" in result.stdout
    assert folder.files() == set()


def test_an_optional_param_that_refers_to_what_is_generated_is_not_none_before(folder: Folder) -> None:
    """Ensure, diff and preview agree that there is nothing left to do."""
    file = folder.flow(
        "optional",
        """
        def as_text(size: int) -> str:
            return str(size)

        a = flow.add(Note("a"), path="a.txt", text="a")
        b = flow.add(Note("b"), path="b.txt", text="b", mark=a.state.size.map(as_text))
        """,
    )
    folder.irenic("ensure", file)
    assert (folder.path / "b.txt").read_text() == "b|1"
    folder.irenic("diff", file, "--exit-code")
    assert "2 unchanged" in folder.irenic("preview", file).stdout
    outcome = folder.outcome("ensure", file, "--on-drift", "refuse")
    assert (outcome["kind"], outcome["drift"]) == ("complete", {})


def test_a_diff_that_finds_something_has_an_exit_code_of_its_own(folder: Folder) -> None:
    """Where it is asked for."""
    file = folder.flow("one", ONE)
    folder.irenic("ensure", file)
    folder.irenic("diff", file, "--exit-code")
    (folder.path / "a.txt").write_text("other|")
    folder.irenic("diff", file, "--exit-code", code=5)
    folder.irenic("diff", file)
    folder.irenic("diff", file, "--stored", "--exit-code")


def test_a_plan_is_saved_applied_once_and_stale_afterwards(folder: Folder) -> None:
    """The next command that is printed makes a new one."""
    file = folder.flow("two", TWO)
    saved = folder.irenic("preview", file, "--save", "plan.json")
    assert re.search(r"Saved to plan\.json \(sha256 [0-9a-f]{8}…\)", saved.stdout)
    (folder.path / "b.txt").write_text("other|")
    result = folder.irenic("ensure", file, "--plan", "plan.json", code=3)
    assert "the plan is stale: b changed since it was saved" in result.stdout
    assert folder.files() == {"plan.json", "b.txt"}
    folder.follow(result)
    folder.follow(result, 1)
    assert (folder.path / "b.txt").read_text() == "b|"
    (folder.path / "plan.json").write_text((folder.path / "plan.json").read_text().replace("two", "twq"))
    assert "edited" in folder.irenic("ensure", file, "--plan", "plan.json", code=2).stderr


def test_a_plan_without_prune_does_not_remove_what_is_left_over(folder: Folder) -> None:
    """It is not known what would be removed: the plan has to say it."""
    file = folder.flow("two", TWO)
    folder.irenic("preview", file, "--save", "plan.json")
    refused = folder.irenic("ensure", file, "--plan", "plan.json", "--prune", code=2)
    assert "was saved without --prune" in refused.stderr
    folder.irenic("preview", file, "--prune", "--save", "plan.json")
    folder.irenic("ensure", file, "--plan", "plan.json", "--prune")


def test_what_a_flow_prints_does_not_get_into_its_states_for_programs(folder: Folder) -> None:
    """It goes to standard error."""
    file = folder.flow("two", TWO)
    folder.irenic("ensure", file)
    path = folder.path / file
    path.write_text(path.read_text() + "\nprint('loaded')\n")
    listed = folder.irenic("state", "list", file, "--format", "json")
    assert set(json.loads(listed.stdout)["items"]) == {"a", "b"}
    assert "loaded" in listed.stderr


def test_a_folder_on_one_store_is_another_place(tmp_path: Path) -> None:
    """Hand-off both ways: made in each, and cleaned in each."""
    one, other = Folder(tmp_path / "one"), Folder(tmp_path / "other")
    store = str(tmp_path / "store")
    for folder in (one, other):
        folder.path.mkdir()
        folder.flow("two", TWO)
    one.irenic("ensure", "two.py", "--store", store)
    assert "not here yet" in other.irenic("status", "two.py", "--store", store).stdout
    other.irenic("ensure", "two.py", "--store", store, "--on-drift", "refuse")
    one.irenic("ensure", "two.py", "--store", store, "--on-drift", "refuse")
    one.irenic("clean", "two.py", "--store", store)
    assert (one.files(), other.files()) == (set(), {"a.txt", "b.txt"})
    other.irenic("clean", "two.py", "--store", store)
    assert other.files() == set()


# A service that gives ids.


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "key"])
def test_a_kill_between_a_create_and_the_end_of_apply_creates_nothing_twice(
    folder: Folder, cloud: Cloud, keeps: bool
) -> None:
    """The id was kept, or else the next try has the same key."""
    file = folder.flow("cloud", CLOUD, cloud.head.replace("KEEPS = True", f"KEEPS = {keeps}"))
    cloud.ready.clear()
    process = subprocess.Popen(
        [*IRENIC, "ensure", file], cwd=folder.path, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    with process:
        assert cloud.waits.wait(WITHIN)
        process.send_signal(signal.SIGKILL)
    cloud.ready.set()
    assert len(cloud.things) == 1
    folder.irenic("ensure", file)
    assert sorted(thing["name"] for thing in cloud.things.values()) == ["child-of-id-1", "child-of-id-1", "net"]
    assert cloud.posts[0] == cloud.posts[-3 if not keeps else 0]
    assert len(cloud.posts) == (3 if keeps else 4)
    folder.irenic("clean", file)
    assert cloud.things == {}


def test_a_thing_that_somebody_deleted_is_made_again_and_its_children_follow(folder: Folder, cloud: Cloud) -> None:
    """Its new id reaches them in the same ensure."""
    file = folder.flow("cloud", CLOUD, cloud.head)
    folder.irenic("ensure", file)
    del cloud.things["id-1"]
    outcome = folder.outcome("ensure", file)
    assert (outcome["kind"], list(outcome["drift"])) == ("complete", ["net"])
    assert {thing["parent"] for thing in cloud.things.values()} == {None, "id-4"}
    folder.irenic("clean", file)


def test_an_item_whose_parent_is_gone_for_good_is_cleaned_all_the_same(folder: Folder, cloud: Cloud) -> None:
    """By the params that it was made with."""
    file = folder.flow("cloud", CLOUD, cloud.head)
    folder.irenic("ensure", file)
    del cloud.things["id-1"]
    folder.irenic("clean", file)
    assert cloud.things == {}


def test_a_state_that_has_another_shape_now_names_the_way_on(folder: Folder, cloud: Cloud) -> None:
    """Without an upgrade nothing is done; with one, nothing is lost; forget is the way without."""
    file = folder.flow("cloud", CLOUD, cloud.head)
    folder.irenic("ensure", file)
    shaped = cloud.head.replace("id: Generated[str] = None", 'id: Generated[str] = None\n    zone: str = ""').replace(
        "async def call", "state_version = 2\n\n    async def call", 1
    )
    folder.flow("cloud", CLOUD, shaped)
    result = folder.irenic("ensure", file, code=3)
    assert "upgrade_state" in result.stdout
    assert len(cloud.posts) == 3
    upgraded = shaped.replace(
        "async def call", "def upgrade_state(self, version, data):\n        return data\n\n    async def call", 1
    )
    folder.flow("cloud", CLOUD, upgraded)
    folder.irenic("ensure", file, "--on-drift", "refuse")
    assert len(cloud.posts) == 3
    folder.flow(
        "cloud",
        CLOUD,
        upgraded.replace("state_version = 2", "state_version = 3").replace("return data", "raise NotImplementedError"),
    )
    forgotten = folder.follow(folder.irenic("clean", file, code=3))
    assert forgotten.returncode == 0
    folder.irenic("clean", file)
    assert len(cloud.things) == 3


def test_what_was_created_by_hand_is_adopted_and_cleaned(folder: Folder, cloud: Cloud) -> None:
    """Instead of being created a second time."""
    adopting = cloud.head.replace(
        "    async def state_goal",
        "    async def adopt(self, cx, params):\n"
        "        return S(**await self.call(cx, 'GET', '/things/by-hand'))\n\n"
        "    async def state_goal",
        1,
    )
    cloud.things["by-hand"] = {"name": "net", "parent": None, "id": "by-hand"}
    file = folder.flow("cloud", 'net = flow.add(Thing("net"), name="net")\n', adopting)
    folder.irenic("state", "adopt", file, "net")
    folder.irenic("ensure", file)
    assert cloud.posts == []
    folder.irenic("clean", file)
    assert cloud.things == {}


def test_a_renamed_item_moves_by_the_flow_or_by_hand(folder: Folder, cloud: Cloud) -> None:
    """Nothing is created and nothing is left over."""
    file = folder.flow("cloud", 'flow.add(Thing("net"), name="net")\n', cloud.head)
    folder.irenic("ensure", file)
    folder.flow("cloud", 'flow.moved("net", flow.add(Thing("lan"), name="net"))\n', cloud.head)
    assert folder.outcome("ensure", file)["leftovers"] == []
    folder.flow("cloud", 'flow.add(Thing("wan"), name="net")\n', cloud.head)
    folder.irenic("state", "move", file, "lan", "wan")
    assert folder.outcome("ensure", file)["leftovers"] == []
    assert list(cloud.things) == ["id-1"]
