"""Flow files: header and flow."""

import inspect
import textwrap

import pytest

from irenic.flow.script import load_flow, read_header
from irenic.model.errors import FlowError

HEADER = """\
# /// script
# requires-python = ">=3.11"
# dependencies = ["irenic", "rich"]
#
# [tool.irenic]
# connect = ["https://example.org"]
# ///
"""

FLOW = """\
from irenic import Flow
flow = Flow("shop")
"""


def test_a_header_is_read() -> None:
    """Source: the inline script metadata specification."""
    header = read_header(HEADER + FLOW)
    assert header.requires_python == ">=3.11"
    assert header.dependencies == ["irenic", "rich"]
    assert header.connect == ["https://example.org"]


def test_a_file_without_a_header_has_an_empty_one() -> None:
    """Blocks of another type are left alone, and so are other tools' tables."""
    assert read_header(FLOW).dependencies == []
    assert read_header("# /// other\n# a = 1\n# ///\n" + FLOW).dependencies == []
    assert read_header("# /// script\n# [tool.other]\n# a = 1\n# ///\n" + FLOW).connect == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (HEADER + "\n" + HEADER, "two `# /// script` blocks"),
        ("# /// script\n# dependencies = [\n# ///\n", "is not valid TOML"),
        ("# /// script\n# dependencies = 3\n# ///\n", "block is not valid: dependencies: "),
    ],
)
def test_a_header_that_cannot_be_read_is_an_error(source: str, message: str) -> None:
    """Scenario 103: that says what is wrong with it."""
    with pytest.raises(FlowError, match=message):
        read_header(source)


def test_a_flow_is_loaded_from_its_source() -> None:
    """With the hosts that its header names; its source can be read afterwards, for tracebacks and hashes."""
    source = HEADER + FLOW + "def helper():\n    return 1\n"
    flow = load_flow(source, "shop.py")
    assert (flow.id, flow.connect) == ("shop", ["https://example.org"])
    import irenic_flow_shop_py  # type: ignore[import-not-found]  # made by load_flow

    assert inspect.getsource(irenic_flow_shop_py.helper) == "def helper():\n    return 1\n"


def test_the_only_flow_of_a_file_needs_no_name() -> None:
    """With several, the one called ``flow`` is meant."""
    assert load_flow(FLOW.replace("flow =", "shop ="), "a.py").id == "shop"
    assert load_flow(FLOW + 'other = Flow("other")\n', "b.py").id == "shop"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n", "c.py defines no flow"),
        ('from irenic import Flow\na, b = Flow("a"), Flow("b")\n', "c.py defines 2 flows: name the one to run `flow`"),
        ("1 / 0\n", "c.py could not be run: ZeroDivisionError: division by zero"),
        ("def (:\n", "c.py could not be run: SyntaxError"),
        ("raise SystemExit(3)\n", "c.py could not be run: SystemExit: 3"),
        ('from irenic import Flow\nFlow("a b")\n', "c.py could not be run: InvalidIdError"),
        ('from irenic import Flow\nFlow("a").edge("x", "y")\n', "^there is no item 'x'"),
    ],
)
def test_a_file_that_gives_no_flow_is_an_error(source: str, message: str) -> None:
    """That names the file, or the mistake in the flow."""
    with pytest.raises(FlowError, match=message):
        load_flow(textwrap.dedent(source), "c.py")
