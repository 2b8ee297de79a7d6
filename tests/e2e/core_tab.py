"""A tab in which nothing but the core runs, driven from a test as the page drives it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, Route
from tests.e2e.server_process import ServerProcess

from irenic.model.ids import new_execution_id

EMPTY_PAGE = "/licenses/index.json"
"""An address of the site with none of the page's own scripts."""

ISOLATION = ("cross-origin-opener-policy", "cross-origin-embedder-policy")
PATIENCE_MS = 60_000

OPEN = """async () => {
    const { startCore } = await import('/boot/core.mjs');
    const messages = [];
    const waiting = new Set();
    const matches = (wanted, message) => Object.entries(wanted).every(([key, value]) => message[key] === value);
    const onMessage = (message) => {
        message.seen_at = performance.now();
        messages.push(message);
        for (const one of waiting) if (matches(one.wanted, message)) { waiting.delete(one); one.resolve(message); }
    };
    const until = (wanted, from, patience) => new Promise((resolve, reject) => {
        const found = messages.slice(from).find((message) => matches(wanted, message));
        if (found) return resolve(found);
        waiting.add({ wanted, resolve });
        const last = () => JSON.stringify(messages.slice(-8));
        setTimeout(() => reject(new Error(`no ${JSON.stringify(wanted)} in time, but ${last()}`)), patience);
    });
    window.tab = { start: (options) => (window.core = startCore({ onMessage, ...options })), messages, until };
}"""


class CoreTab:
    """The core in a tab; messages are waited for, in the order in which they came."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._read = 0
        page.set_default_timeout(PATIENCE_MS)
        page.evaluate(OPEN)

    def start(self, *rungs: str, **options: Any) -> dict[str, Any]:
        """Start the core; return what it says when it is ready."""
        self.page.evaluate("(options) => void tab.start(options)", {**({"rungs": rungs} if rungs else {}), **options})
        return self.until(type="ready")

    def until(self, patience_ms: int = PATIENCE_MS, **wanted: Any) -> dict[str, Any]:
        """Wait for a message with these members, sent after the last mark."""
        script = "([wanted, from, patience]) => tab.until(wanted, from, patience)"
        message: dict[str, Any] = self.page.evaluate(script, [wanted, self._read, patience_ms])
        return message

    def mark(self) -> None:
        """Look from here on only at what is said later."""
        self._read = self.page.evaluate("() => tab.messages.length")

    def messages(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return all messages so far with these members."""
        messages: list[dict[str, Any]] = self.page.evaluate("() => tab.messages")
        return [message for message in messages if all(message.get(key) == value for key, value in wanted.items())]

    def post(self, **message: Any) -> None:
        """Send the core a message."""
        self.page.evaluate("(message) => core.post(message)", message)

    def load_flow(self, source: str, name: str = "flow.py") -> dict[str, Any]:
        """Have a flow loaded; return its picture."""
        self.mark()
        self.post(type="load_flow", name=name, source=source)
        loaded = self.until(type="flow_loaded")
        picture: dict[str, Any] = loaded["flow"]
        return picture

    def submit(self, *cmds: str, **options: Any) -> str:
        """Start an execution, in a profile of its own unless told otherwise; return its id."""
        execution_id = new_execution_id()
        asked = {"cmds": cmds or ["ensure"], "profile": f"of_{execution_id}", **options}
        self.mark()
        self.post(type="submit", execution_id=execution_id, **asked)
        submitted = self.until(type="submitted", execution_id=execution_id)
        assert submitted["refused"] is None, submitted
        return execution_id

    def run(self, source: str) -> str:
        """Start an execution of a flow and wait until its item is being applied; return the execution's id."""
        self.load_flow(source)
        execution = self.submit()
        self.until_printed("applying")
        return execution

    def outcome(self, execution_id: str) -> dict[str, Any]:
        """Wait for an execution's outcome."""
        reached = self.until(type="outcome", execution_id=execution_id)
        outcome: dict[str, Any] = reached["outcome"]
        return outcome

    def until_printed(self, line: str) -> None:
        """Wait until Python has printed a line; that is told even while nothing else of the core's can run."""
        self.until(type="log", text=line)

    def interrupt(self, level: str, **request: Any) -> None:
        """Press the interrupt button."""
        self.page.evaluate("([level, request]) => core.interrupt(level, request)", [level, request])


@contextmanager
def core_tab(browser: Browser, server: ServerProcess, *, isolated: bool = True) -> Iterator[CoreTab]:
    """Open a tab of the server's site; without isolation as behind a host that cannot send its headers."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(server.announced)
        if not isolated:
            page.route(f"**{EMPTY_PAGE}", without_isolation)
        page.goto(server.address + EMPTY_PAGE)
        assert page.evaluate("() => crossOriginIsolated") is isolated
        yield CoreTab(page)
    finally:
        context.close()


def without_isolation(route: Route) -> None:
    """Answer a request as a host would that cannot send the headers of isolation."""
    response = route.fetch()
    headers = {name: value for name, value in response.headers.items() if name not in ISOLATION}
    route.fulfill(response=response, headers=headers)


def flow_of_one(apply: str, *, imports: str = "") -> str:
    """Write a flow of one item, `one`, whose `apply` prints `applying`, does the given lines and answers `answer`."""
    body = "\n".join(f"        {line}" for line in apply.splitlines())
    return FLOW_OF_ONE.replace("# imports", imports).replace("        # apply", body)


FLOW_OF_ONE = """
import asyncio
from pydantic import BaseModel
from irenic import Flow, Generated, Item
# imports

class Params(BaseModel):
    pass

class State(BaseModel):
    done: bool = False
    answer: Generated[str] = None

class One(Item[Params, State]):
    async def state_current(self, cx, params):
        return State()

    async def state_goal(self, cx, params):
        return State(done=True)

    def state_clean(self, params):
        return State()

    async def apply(self, cx, params, current, target, diff):
        answer = ""
        print("applying")
        # apply
        return State(done=True, answer=str(answer))

flow = Flow("of_one")
flow.add(One("one"))
"""


def answer_of(outcome: dict[str, Any]) -> str:
    """Return what the one item of a flow answered."""
    assert outcome["kind"] == "complete", json.dumps(outcome, indent=1)
    answer: str = outcome["states"]["one"]["current"]["answer"]
    return answer
