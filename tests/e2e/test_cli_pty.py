"""The command line in a real terminal: signals, drawing, questions, and a terminal that is left as it was found."""

import asyncio
import json
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.gated_flow import gated_flow
from tests.e2e.terminal_session import PATIENCE, TerminalSession
from tests.screen import control_codes

from irenic.engine.execution_map import user_and_host
from irenic.stores import FileStore

IRENIC = [sys.executable, "-m", "irenic"]

InTerminal = Callable[..., TerminalSession]


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does, of which nothing tells."""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.005)


@pytest.fixture
def in_terminal(tmp_path: Path) -> Iterator[InTerminal]:
    """A function that runs a command of irenic in a terminal; each has ended, one way or another, after the test."""
    sessions: list[TerminalSession] = []

    def run(*arguments: str, **options: Any) -> TerminalSession:
        sessions.append(TerminalSession([*IRENIC, *arguments], tmp_path, **options))
        return sessions[-1]

    yield run
    for session in sessions:
        session.close()


class Place:
    """The folder in which a gated flow runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def flow(self, *items: str, chain: bool = True) -> str:
        """Write a flow file and return its name."""
        (self.folder / "flow.py").write_text(gated_flow(*items, chain=chain))
        return "flow.py"

    def go(self, item: str) -> None:
        """Let an item go on."""
        (self.folder / f"{item}.go").touch()

    @property
    def happened(self) -> list[str]:
        """What the items did, in order."""
        path = self.folder / "happened"
        return path.read_text().splitlines() if path.exists() else []

    def irenic(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of irenic without a terminal."""
        return subprocess.run(
            [*IRENIC, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=30, check=False
        )

    def last(self) -> dict[str, Any]:
        """Return the outcome of the newest execution, as the store has it."""
        outcome: dict[str, Any] = self.read(_last_outcome).model_dump(mode="json")
        return outcome

    def read(self, look: Callable[[FileStore], Coroutine[Any, Any, Any]]) -> Any:
        """Look into the store; in a thread, because a browser may hold this one's event loop."""

        async def looked() -> Any:
            store = FileStore(self.folder / ".irenic")
            try:
                return await look(store)
            finally:
                await store.close()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, looked()).result()


async def _last_outcome(store: FileStore) -> Any:
    page = await store.executions(limit=1)
    return await store.outcome(page.items[0].id)


async def _last_events(store: FileStore) -> Any:
    page = await store.executions(limit=1)
    return await store.events(page.items[0].id)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """The folder in which the commands run."""
    return Place(tmp_path)


def test_bars_come_and_go_and_the_outcome_stays(in_terminal: InTerminal, place: Place) -> None:
    """Nothing else is left on the screen."""
    session = in_terminal("ensure", place.flow("a", "b:at_once"))
    lines = session.wait_for("🔵 a")
    assert any(re.match(r"🔵 a ━+╸?─+ +1.0/4.0 MB", line) for line in lines)
    assert not session.echoes_control_keys
    place.go("a")
    assert session.wait() == 0
    assert session.lines[0].startswith("✅ ensure complete: gated/default, 2 items in ")
    assert len(session.lines) == 3
    assert session.echoes_control_keys


def test_ctrl_c_lets_running_items_finish_and_says_what_it_waits_for(in_terminal: InTerminal, place: Place) -> None:
    """Nothing new starts, and the key itself is not echoed over the bars."""
    session = in_terminal("ensure", place.flow("a", "b"), columns=100)
    session.wait_for("🔵 a")
    session.interrupt()
    lines = session.wait_for("stopping: finishing a (")
    assert lines[-1].endswith("s) · Ctrl-C again cancels what runs")
    assert any(line.startswith("🟡 b") for line in lines)
    place.go("a")
    assert session.wait() == 130
    assert "^C" not in session.output
    assert place.happened == ["a begins", "a ends"]
    assert session.lines[0].startswith("🟡 ensure interrupted: gated/default, 1 of 2 items done in ")
    assert any(line.startswith("Next: irenic resume ") and line.endswith(" flow.py") for line in session.lines)
    assert place.last()["interrupt"]["source"] == "sigint"


def test_a_second_ctrl_c_cancels(in_terminal: InTerminal, place: Place) -> None:
    """At the next point where an item can be cancelled."""
    session = in_terminal("ensure", place.flow("a", "b"))
    session.wait_for("🔵 a")
    session.interrupt()
    session.wait_for("stopping: finishing a")
    session.interrupt()
    assert session.wait() == 130
    assert place.happened == ["a begins"]
    assert place.last()["interrupt"]["level"] == "cancel"
    assert session.echoes_control_keys


def test_a_shield_is_named_while_it_is_waited_for(in_terminal: InTerminal, place: Place) -> None:
    """The person at the terminal knows why it takes so long."""
    session = in_terminal("ensure", place.flow("a:shielded"), columns=120)
    session.wait_for("🔵 a")
    session.interrupt()
    session.wait_for("stopping: finishing a")
    session.interrupt()
    session.wait_for("a first: the last bytes are being written")
    place.go("a")
    assert session.wait() == 130


def test_a_third_ctrl_c_abandons_what_does_not_listen(in_terminal: InTerminal, place: Place) -> None:
    """The process ends at once, and says what is unknown and how to go on."""
    session = in_terminal("ensure", place.flow("a:is_deaf", "b"), columns=120)
    session.wait_for("🔵 a")
    session.interrupt()
    session.wait_for("stopping: finishing a")
    session.interrupt()
    session.wait_for("stopping: cancelling a")
    session.interrupt()
    assert session.wait() == 130
    assert "a was cancelled" in place.happened
    assert any(re.match(r"   ❓ a  unknown ", line) for line in session.lines)
    assert any(line.startswith("Next: irenic resume ") for line in session.lines)
    assert session.echoes_control_keys
    outcome = place.last()
    assert (outcome["kind"], outcome["items"]["unknown"]) == ("block_interrupted", ["a"])


def test_a_tight_loop_is_cancelled_in_the_midst_of_it(in_terminal: InTerminal, place: Place) -> None:
    """Though it lets nothing else run, neither drawing nor listening."""
    session = in_terminal("ensure", place.flow("a:spins", "b"))
    session.wait_for("a spins")
    place.go("a")
    until(lambda: "a spins" in place.happened)
    session.interrupt()
    session.wait_for("Ctrl-C again")
    session.interrupt()
    assert session.wait() == 130
    assert place.last()["interrupt"]["level"] == "cancel"
    assert place.last()["items"] == {"done": [], "not_done": ["a", "b"], "unknown": []}


def test_a_tight_loop_within_irenics_own_code_is_cancelled_where_that_is_safe(
    in_terminal: InTerminal, place: Place
) -> None:
    """The journal is not torn by an exception in the middle of an append."""
    session = in_terminal("ensure", place.flow("a:spins_in_irenic", "b"))
    until(lambda: "a spins" in place.happened)
    session.interrupt()
    session.wait_for("Ctrl-C again")
    session.interrupt()
    assert session.wait() == 130
    events = place.read(_last_events)
    assert [event.seq for event in events] == list(range(len(events)))
    assert events[-1].outcome.interrupt.level.word == "cancel"


def test_a_program_that_cannot_be_stopped_is_ended_all_the_same(in_terminal: InTerminal, place: Place) -> None:
    """An item that swallows everything; a third Ctrl-C ends the process, and its journal says what is unknown."""
    session = in_terminal("ensure", place.flow("a:is_stuck"), columns=120)
    until(lambda: "a is stuck" in place.happened)
    session.interrupt()
    session.wait_for("Ctrl-C again")
    session.interrupt()
    until(lambda: "a swallows" in place.happened)
    session.interrupt()
    assert session.wait() == 130
    assert any("ended at once: the running code could not be interrupted" in line for line in session.lines)
    assert any(line.startswith("Unknown: a;") for line in session.lines)
    assert session.echoes_control_keys


def test_sigterm_finishes_then_cancels_then_abandons_in_its_grace(in_terminal: InTerminal, place: Place) -> None:
    """Each step after as many seconds as were given."""
    session = in_terminal("ensure", place.flow("a:is_deaf"), "--grace", "0.2")
    session.wait_for("🔵 a")
    session.send(signal.SIGTERM)
    assert session.wait() == 130
    assert "a was cancelled" in place.happened
    outcome = place.last()
    assert (outcome["interrupt"]["source"], outcome["interrupt"]["level"]) == ("sigterm", "abandon")
    assert session.echoes_control_keys


def test_a_terminal_that_goes_away_lets_running_items_finish(in_terminal: InTerminal, place: Place) -> None:
    """SIGHUP; there is nobody left to draw for."""
    session = in_terminal("ensure", place.flow("a", "b"))
    session.wait_for("🔵 a")
    session.hang_up()
    until(lambda: any(event.kind == "interrupt_requested" for event in place.read(_last_events)))
    place.go("a")
    assert session.wait() == 130
    outcome = place.last()
    assert (outcome["interrupt"]["source"], outcome["items"]["done"]) == ("sighup", ["a"])


def test_ctrl_z_gives_the_terminal_back_and_fg_goes_on(place: Place) -> None:
    """A suspended program has no claim to the terminal."""
    script = f"set -m; {shlex.join(IRENIC)} ensure {place.flow('a')}; read line; fg > /dev/null; echo code $?"
    with TerminalSession(["/bin/bash", "-c", script], place.folder) as session:
        session.wait_for("🔵 a")
        session.type("\x1a")
        until(lambda: session.echoes_control_keys and not any("🔵" in line for line in session.lines))
        seen = len(session.output)
        session.type("\n")
        session.wait_for("🔵 a", since=seen)
        assert not session.echoes_control_keys
        place.go("a")
        session.wait_for("code 0")


def test_a_question_is_answered_below_the_bars(in_terminal: InTerminal, place: Place) -> None:
    """What was typed stays on the screen while other items go on."""
    session = in_terminal("ensure", place.flow("a:asks", "b", chain=False))
    lines = session.wait_for("a asks: Which key?")
    assert lines[-1] == "a asks: Which key?"
    session.type("blue")
    session.wait_for("a asks: Which key? blue")
    place.go("b")
    lines = session.wait_for("✅ b")
    assert lines[-1] == "a asks: Which key? blue"
    session.type("\n")
    assert session.wait() == 0
    assert "a got blue" in place.happened
    assert "asks:" not in "\n".join(session.lines)


def test_ctrl_c_at_a_question_ends_the_run(in_terminal: InTerminal, place: Place) -> None:
    """Nobody has to answer first."""
    session = in_terminal("ensure", place.flow("a:asks", "b:asks", chain=False))
    session.wait_for("a asks: Which key?")
    session.interrupt()
    assert session.wait() == 130
    assert place.last()["items"]["not_done"] == ["a", "b"]


def test_an_end_of_input_instead_of_an_answer_cancels(in_terminal: InTerminal, place: Place) -> None:
    """Ctrl-D says that there will be none."""
    session = in_terminal("ensure", place.flow("a:asks"))
    session.wait_for("a asks: Which key?")
    session.type("\x04")
    assert session.wait() == 130
    assert place.last()["interrupt"]["source"] == "stdin"


def test_what_items_print_and_log_stays_above_the_bars(in_terminal: InTerminal, place: Place) -> None:
    """And is still there at the end."""
    session = in_terminal("ensure", place.flow("a:prints"))
    lines = session.wait_for("🔵 a")
    session.wait_for("printed by hand")
    place.go("a")
    assert session.wait() == 0
    lines = session.lines
    assert lines[0] == "printed by hand" or lines[1] == "printed by hand"
    assert any(line.endswith(" a: logged") for line in lines[:2])
    assert lines[2].startswith("✅ ensure complete")


@pytest.mark.parametrize("columns", [20, 40, 60])
def test_a_narrow_terminal_is_not_overrun(in_terminal: InTerminal, place: Place, columns: int) -> None:
    """No bar wraps, and the stop is told in full."""
    session = in_terminal("ensure", place.flow("a", "b"), columns=columns)
    session.wait_for("🔵 a")
    session.interrupt()
    session.wait_for("Ctrl-C again" if columns > 20 else "Ctrl-C")
    assert len([line for line in session.lines if line.startswith("🔵 a")]) == 1
    place.go("a")
    assert session.wait() == 130


def test_a_terminal_that_changes_its_size_is_drawn_anew(in_terminal: InTerminal, place: Place) -> None:
    """Wider or narrower, at the next frame."""
    session = in_terminal("ensure", place.flow("a", "b"), columns=100)
    session.wait_for("🔵 a")
    session.resize(50, 10)
    session.interrupt()
    session.wait_for("stopping: finishing a")
    frame = session.output.rpartition("\x1b[?2026h")[2]
    assert "stopping" in session.output
    assert len(frame.split("\r\n")[0]) < 80
    place.go("a")
    assert session.wait() == 130


def test_standard_output_is_pure_json_while_bars_are_drawn(
    in_terminal: InTerminal, place: Place, tmp_path: Path
) -> None:
    """As in `irenic ensure flow.py --format json | jq`."""
    session = in_terminal("ensure", place.flow("a:prints"), "--format", "json", stdout=tmp_path / "out.json")
    session.wait_for("🔵 a")
    place.go("a")
    assert session.wait() == 0
    assert json.loads((tmp_path / "out.json").read_text())["kind"] == "complete"
    assert "printed by hand" in session.lines


def test_no_color_is_obeyed(in_terminal: InTerminal, place: Place) -> None:
    """The cursor still moves; that is no colour."""
    session = in_terminal("ensure", place.flow("a"), environment={"NO_COLOR": "1"})
    session.wait_for("🔵 a")
    place.go("a")
    assert session.wait() == 0
    assert not any(code.endswith("m") for code in control_codes(session.output))


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"CI": "true"}])
def test_without_a_cursor_or_in_ci_there_are_lines(
    in_terminal: InTerminal, place: Place, environment: dict[str, str]
) -> None:
    """Nothing is drawn over."""
    session = in_terminal("ensure", place.flow("a:at_once"), environment=environment)
    assert session.wait() == 0
    assert re.match(r"\d\d:\d\d:\d\d ensure gated/default: 1 item", session.lines[0])
    assert set(control_codes(session.output)) - {"\r"} <= {"\x1b[32m", "\x1b[0m"}


HOSTILE = """
from pydantic import BaseModel
from irenic import Flow, Item

CLEAR = "\\x1b[2J\\x1b]0;title\\x07\\x9b2J"

class Params(BaseModel):
    pass

class State(BaseModel):
    text: str = ""

class Hostile(Item[Params, State]):
    async def state_current(self, cx, params):
        return State()

    async def state_goal(self, cx, params):
        return State(text="state" + CLEAR)

    def state_clean(self, params_partial):
        return State()

    async def apply(self, cx, params, current, target, diff):
        cx.log.warning("log" + CLEAR)
        cx.progress.message("message" + CLEAR)
        print("print" + CLEAR)
        if self.id == "asks":
            await cx.ask("question" + CLEAR)
            return target
        raise RuntimeError("error" + CLEAR)

flow = Flow("hostile")
flow.add(Hostile(NAME))
"""


@pytest.mark.parametrize("name", ["asks", "fails"])
def test_what_an_item_says_is_shown_and_not_obeyed(in_terminal: InTerminal, place: Place, name: str) -> None:
    """In logs, messages, prints, questions, states and errors."""
    (place.folder / "flow.py").write_text(HOSTILE.replace("NAME", repr(name)))
    session = in_terminal("ensure", "flow.py")
    if name == "asks":
        session.wait_for("question")
        session.type("yes\n")
    assert session.wait() == (0 if name == "asks" else 1)
    for said in ("log", "print", "state" if name == "asks" else "error"):
        assert f"{said}\\x1b[2J\\x1b]0;title\\x07\\x9b2J" in session.output
    for obeyed in ("\x1b[2J", "\x1b]0", "\x07", "\x9b"):
        assert obeyed not in session.output


def test_an_interrupted_run_is_resumed_after_a_look_and_a_question(in_terminal: InTerminal, place: Place) -> None:
    """What was done is not done again."""
    session = in_terminal("ensure", place.flow("a", "b:at_once"))
    session.wait_for("🔵 a")
    session.interrupt()
    session.wait_for("stopping")
    place.go("a")
    assert session.wait() == 130
    command = next(line for line in session.lines if line.startswith("Next: "))
    execution = command.split()[3]
    resumed = in_terminal("resume", execution)
    lines = resumed.wait_for("Go on? [Y/n]")
    assert lines[0].startswith("Resume ensure of gated/default, begun by ")
    assert lines[1:3] == [
        "   ✅ a  skip         it is at its goal",
        "   🔵 b  run          it was never run; it is not at its goal",
    ]
    resumed.type("y\n")
    assert resumed.wait() == 0
    assert place.happened == ["a begins", "a ends", "b begins", "b ends"]


def test_a_resume_that_is_declined_starts_nothing(in_terminal: InTerminal, place: Place) -> None:
    """Any answer but yes."""
    session = in_terminal("ensure", place.flow("a"))
    session.wait_for("🔵 a")
    session.interrupt()
    session.wait_for("stopping")
    session.interrupt()
    session.wait()
    resumed = in_terminal("resume", place.last()["execution_id"])
    resumed.wait_for("Go on? [Y/n]")
    resumed.type("n\n")
    assert resumed.wait() == 130
    assert place.happened == ["a begins"]


def test_a_run_is_interrupted_from_another_terminal(in_terminal: InTerminal, place: Place) -> None:
    """By its id, with a reason, which both ends are told."""
    session = in_terminal("ensure", place.flow("a", "b"), columns=120)
    session.wait_for("🔵 a")
    listed = json.loads(place.irenic("executions", "list", "--status", "running", "-f", "json").stdout)
    asked = place.irenic("executions", "interrupt", listed[0]["id"], "--reason", "lunch")
    assert (asked.returncode, asked.stdout) == (0, "interruption request received\n")
    session.wait_for("stopping: finishing a")
    place.go("a")
    assert session.wait() == 130
    assert f"Stop asked by {user_and_host()} at" in "\n".join(session.lines)
    again = place.irenic("executions", "interrupt", listed[0]["id"])
    assert again.stdout == "nothing to interrupt\n"


def test_a_profile_that_another_run_holds_is_refused_and_names_its_holder(
    in_terminal: InTerminal, place: Place
) -> None:
    """Exit code 3, and nothing is applied."""
    session = in_terminal("ensure", place.flow("a"))
    session.wait_for("🔵 a")
    refused = place.irenic("clean", "flow.py")
    assert refused.returncode == 3
    assert f"(pid {session.pid})" in refused.stdout
    place.go("a")
    assert session.wait() == 0
