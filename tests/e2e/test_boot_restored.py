"""A core restored from the snapshot is as good as one that has started the long way."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route
from tests.e2e.core_tab import CoreTab, answer_of, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess


def module_that_asks_for(function: str, value: str) -> bytes:
    """Make an extension module of two functions, which are named for what they return the address of.

    Format: https://webassembly.github.io/spec/core/binary/, and the section of dynamic linking from
    https://github.com/WebAssembly/tool-conventions/blob/main/DynamicLinking.md.
    """

    def counted(*items: bytes) -> bytes:
        return bytes([len(items)]) + b"".join(items)

    def name(text: str) -> bytes:
        return bytes([len(text)]) + text.encode()

    def section(number: int, content: bytes) -> bytes:
        return bytes([number, len(content)]) + content

    nothing_of_its_own = bytes([1, 4, 0, 0, 0, 0])
    returns_i32 = bytes([0x60, 0, 1, 0x7F])
    mutable_i32 = bytes([3, 0x7F, 1])
    imports = [name(table) + name(what) + mutable_i32 for table, what in (("GOT.func", function), ("GOT.mem", value))]
    exports = [name(what) + bytes([0, number]) for number, what in enumerate((function, value))]
    bodies = [bytes([4, 0, 0x23, number, 0x0B]) for number in range(2)]
    return b"\0asm\1\0\0\0" + b"".join(
        [
            section(0, name("dylink.0") + nothing_of_its_own),
            section(1, counted(returns_i32)),
            section(2, counted(*imports)),
            section(3, counted(b"\0", b"\0")),
            section(7, counted(*exports)),
            section(10, counted(*bodies)),
        ]
    )


CHECKS = {
    "pydantic's own errors": (
        """
from pydantic import BaseModel, ValidationError
class Number(BaseModel):
    n: int
try:
    Number(n="zz")
except ValidationError as error:
    answer = error.errors()[0]["type"]
""",
        "int_parsing",
    ),
    "discriminated unions": (
        """
from typing import Annotated, Literal
from pydantic import BaseModel, Field, TypeAdapter
class A(BaseModel):
    kind: Literal["a"]
    x: int
class B(BaseModel):
    kind: Literal["b"]
    many: list[A]
union = TypeAdapter(Annotated[A | B, Field(discriminator="kind")])
answer = union.validate_python({"kind": "b", "many": [{"kind": "a", "x": "5"}]}).many[0].x
""",
        "5",
    ),
    "pydantic dataclasses": (
        """
import datetime
import pydantic.dataclasses
@pydantic.dataclasses.dataclass
class Dated:
    when: datetime.datetime
answer = Dated(when="2024-01-02T03:04:05Z").when.year
""",
        "2024",
    ),
    "JSON Schema": (
        """
from pydantic import BaseModel
class Named(BaseModel):
    name: str
answer = Named.model_json_schema()["properties"]["name"]["type"]
""",
        "string",
    ),
    "memory that grows far beyond the snapshot's": (
        """
import gc
from pydantic import BaseModel
class Row(BaseModel):
    i: int
    s: str
rows = [Row(i=str(i), s="x" * 50) for i in range(30_000)]
large = bytearray(200_000_000)
answer = len(rows) + len(large)
del rows, large
gc.collect()
""",
        "200030000",
    ),
    "deep recursion": (
        """
def deeper():
    return deeper()
try:
    deeper()
except RecursionError as error:
    answer = type(error).__name__
""",
        "RecursionError",
    ),
    "tasks side by side": (
        """
async def late(i):
    await asyncio.sleep(0.001 * i)
    return i
answer = sum(await asyncio.gather(*(late(i) for i in range(10))))
""",
        "45",
    ),
    "waiting inside a function that is not async": (
        """
from pyodide.ffi import can_run_sync, run_sync
answer = can_run_sync(), run_sync(asyncio.sleep(0.01, "slept"))
""",
        "(True, 'slept')",
    ),
    "an event loop run to its end": (
        """
async def seven():
    await asyncio.sleep(0.001)
    return 7
answer = asyncio.run(seven())
""",
        "7",
    ),
    "callbacks from JavaScript": (
        """
import js
from pyodide.ffi import create_once_callable, to_js
called = asyncio.Future()
js.setTimeout(create_once_callable(lambda: called.set_result(11)), 1)
answer = await called, to_js([1, 2]).length
""",
        "(11, 2)",
    ),
    "modules that the snapshot does not hold": (
        """
import argparse, difflib, email.message, html.parser, http.client, pprint, unittest
import xml.etree.ElementTree as tree
answer = tree.fromstring("<a b='1'/>").attrib["b"]
""",
        "1",
    ),
    "tracebacks through the standard library": (
        """
import json, traceback
try:
    json.loads("{")
except ValueError:
    lines = traceback.format_exc().splitlines()
answer = any("json/decoder.py" in line for line in lines), lines[-1].partition(":")[0]
""",
        "(True, 'json.decoder.JSONDecodeError')",
    ),
    "clocks that go": (
        """
import datetime, time
answer = time.time() > 1_750_000_000, datetime.datetime.now().year >= 2026, time.monotonic() > 0
""",
        "(True, True, True)",
    ),
    "files": (
        """
import os, pathlib
pathlib.Path("/home/pyodide/a.txt").write_text("hi")
answer = pathlib.Path("a.txt").read_text(), os.getcwd(), os.environ["HOME"]
""",
        "('hi', '/home/pyodide', '/home/pyodide')",
    ),
    "metadata of packages": (
        """
import importlib.metadata
import pydantic
answer = importlib.metadata.version("pydantic") == pydantic.VERSION, importlib.metadata.version("irenic")
""",
        "(True, '0.1.0')",
    ),
    "locks of threads": (
        """
import threading
lock = threading.Lock()
with lock:
    answer = threading.current_thread().name
""",
        "MainThread",
    ),
    "the module path, once each": (
        """
import sys
answer = len(sys.path) == len(set(sys.path))
""",
        "True",
    ),
    "functions of Python's own by their names": (
        """
import ctypes
ctypes.pythonapi.PyLong_FromLong.restype = ctypes.py_object
answer = ctypes.pythonapi.PyLong_FromLong(7), hasattr(ctypes.pythonapi, "PyNo_SuchThing")
""",
        "(7, False)",
    ),
    "extension modules that ask for what nobody has asked for before": (
        f"""
import ctypes, pathlib
pathlib.Path("asks.so").write_bytes({module_that_asks_for("PyNumber_Divmod", "PyExc_BufferError")!r})
asks = ctypes.CDLL("asks.so")
here = ctypes.cast(ctypes.pythonapi.PyNumber_Divmod, ctypes.c_void_p).value
error = ctypes.py_object.from_address(asks.PyExc_BufferError()).value
answer = asks.PyNumber_Divmod() == here > 0, error
""",
        "(True, <class 'BufferError'>)",
    ),
    "sources taken apart and put together": (
        """
import ast
answer = ast.unparse(ast.parse("x=1+2"))
""",
        "x = 1 + 2",
    ),
}

CHANCE = flow_of_one("""
import os, random, secrets, uuid
answer = random.random(), os.urandom(8).hex(), uuid.uuid4(), secrets.token_hex(8)
""")

IMPORTS_SOMETHING_NEW = flow_of_one("answer = difflib.get_close_matches('app', ['ape'])", imports="import difflib")


@pytest.fixture(scope="module")
def restored(chromium: Browser, shared_server: ServerProcess) -> Iterator[CoreTab]:
    """Start one core from the snapshot for all checks."""
    with core_tab(chromium, shared_server) as tab:
        tab.start("snapshot")
        yield tab


@pytest.mark.parametrize("what", CHECKS)
def test_a_restored_core_has(restored: CoreTab, what: str) -> None:
    """What works after an ordinary start works after the snapshot was restored, one after the other in one core."""
    code, expected = CHECKS[what]
    restored.load_flow(flow_of_one(code.strip()))
    assert answer_of(restored.outcome(restored.submit())) == expected


def test_what_is_printed_is_told(restored: CoreTab) -> None:
    """Both streams of Python reach the page as lines of log."""
    restored.load_flow(flow_of_one('import sys\nprint("to out")\nprint("to err", file=sys.stderr)'))
    restored.outcome(restored.submit())
    assert restored.messages(type="log", text="to out")
    assert restored.messages(type="log", text="to err", level="warning")


def test_two_cores_from_one_snapshot_do_not_draw_the_same_numbers(
    chromium: Browser, shared_server: ServerProcess
) -> None:
    """Chance is not part of the snapshot, whichever module it is asked of."""
    drawn = []
    with core_tab(chromium, shared_server) as tab:
        tab.start("snapshot")
        tab.load_flow(CHANCE)
        for _ in range(2):
            drawn.append(answer_of(tab.outcome(tab.submit())))
            tab.mark()
            tab.page.evaluate("() => core.respawn()")
            tab.until(type="flow_loaded")
    first, second = (set(numbers.strip("()").split(", ")) for numbers in drawn)
    assert first & second == set()


def test_what_flows_use_first_is_in_the_snapshot(chromium: Browser, shared_server: ServerProcess) -> None:
    """The core starts, loads a flow with items of its own and runs it, without the library's file."""
    source = flow_of_one("answer = FileDownload.__name__", imports="from irenic.items import FileDownload")
    with core_tab(chromium, shared_server) as tab:
        tab.page.context.route("**/vendor/boot/library-*", lambda route: route.abort())
        tab.start("snapshot")
        tab.load_flow(source)
        assert answer_of(tab.outcome(tab.submit())) == "FileDownload"


def test_an_import_waits_for_the_library_that_comes_late(chromium: Browser, shared_server: ServerProcess) -> None:
    """A flow may import what the snapshot does not hold before the library's file is there."""
    asked = []
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            held.append(route)
        else:
            route.continue_()

    with core_tab(chromium, shared_server) as tab:
        tab.page.context.route("**/vendor/boot/library-*", hold_the_first)
        with tab.page.context.expect_event("request", lambda request: "/vendor/boot/library-" in request.url):
            tab.start("snapshot")
        tab.load_flow(IMPORTS_SOMETHING_NEW)
        assert answer_of(tab.outcome(tab.submit())) == "['ape']"
        assert len(asked) == 2
        held[0].abort()
