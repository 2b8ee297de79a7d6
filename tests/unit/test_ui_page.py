"""The page's own files: what the browser is told to load, and what may stand in the markup."""

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path

from tooling.paths import SITE
from ui import status

WEB = Path(__file__).parents[2] / "web"
PLUGINS = ("codemirror", "deprecations-manager", "donkey", "error", "py-editor", "py-game", "py-terminal")
MARKUP = (WEB / "index.html").read_text()


class Elements(HTMLParser):
    """Collects every element with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(MARKUP)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        self.found.append((tag, dict(attrs)))


ELEMENTS = Elements().found


def loaded_modules() -> dict[str, str]:
    """Return the files that PyScript is told to load, by address."""
    files: dict[str, str] = json.loads((WEB / "ui" / "config.json").read_text())["files"]
    return files


def test_all_that_python_starts_from_is_fetched_before_it_is_asked_for() -> None:
    """One after the other would cost a second picture's worth of time."""
    preloaded = {attributes["href"] for tag, attributes in ELEMENTS if attributes.get("rel") == "preload"}
    modules = {f"ui/{address.removeprefix('./')}" for address in loaded_modules()}
    assert modules | {"ui/main.py", "ui/config.json"} <= preloaded


def test_what_is_fetched_beforehand_is_there() -> None:
    """Also where its name has a hash in it that changes with a package's version."""
    fetched = {attributes["href"] or "" for _, attributes in ELEMENTS if "preload" in (attributes.get("rel") or "")}
    assert [address for address in sorted(fetched) if not (SITE / address).is_file()] == []


def test_pyscript_is_told_twice_to_load_none_of_its_plugins() -> None:
    """Once for each of its Pythons; what one of them does not refuse is loaded."""
    refused = json.loads(re.findall(r"<py-config[^>]*>(.*?)</py-config>", MARKUP)[0])
    told = json.loads((WEB / "ui" / "config.json").read_text())
    assert refused["plugins"] == told["plugins"] == [f"!{name}" for name in PLUGINS]


def test_nothing_in_the_markup_needs_a_weaker_policy() -> None:
    """No scripts or styles inline, no handlers in attributes."""
    inline = [
        (tag, name)
        for tag, attributes in ELEMENTS
        for name in attributes
        if name == "style" or name.startswith("on") or (tag == "script" and "src" not in attributes)
    ]
    assert (inline, re.findall("<style", MARKUP)) == ([], [])


def test_what_prepares_the_page_for_its_policy_comes_before_pyscript() -> None:
    """Module scripts run in the order of the document."""
    scripts = [attributes["src"] for tag, attributes in ELEMENTS if tag == "script"]
    assert scripts == ["boot/evaluation.mjs", "vendor/pyscript/core.js", "boot/ahead.mjs", "ui/main.py"]


def test_everything_comes_from_below_the_page() -> None:
    """Nothing is loaded from another host, nor from a path that a proxy may have moved."""
    addresses = [
        attributes[name] or ""
        for tag, attributes in ELEMENTS
        for name in ("src", "href", "config")
        if name in attributes
    ]
    assert [address for address in addresses if not re.match("[a-z]+/|#", address)] == []


def test_ids_are_unique_and_every_one_that_is_referred_to_is_there() -> None:
    """By labels, descriptions, tabs and icons."""
    ids = [attributes["id"] for _, attributes in ELEMENTS if "id" in attributes]
    referred = {
        word
        for _, attributes in ELEMENTS
        for name in ("for", "aria-labelledby", "aria-controls", "list")
        for word in (attributes.get(name) or "").split()
    }
    assert (len(ids), referred - set(ids)) == (len(set(ids)), set())


def test_every_icon_that_a_status_names_is_drawn() -> None:
    """In the sprite."""
    tables = (status.ITEM_STATUSES, status.EXECUTION_STATUSES, status.VERDICTS)
    named = {f"icon-{shown.icon}" for table in tables for shown in table.values()}
    assert named <= {attributes["id"] for tag, attributes in ELEMENTS if tag == "symbol"}


def _below(node: ast.JoinedStr) -> list[ast.AST]:
    """Return what an f-string is made of; how its values are formatted is an f-string of its own to Python."""
    values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    return [each for value in values for each in ast.walk(value)]


def beyond_micropython(tree: ast.AST) -> list[str]:
    """Name what is in a module that MicroPython cannot compile."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Set) or (isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load)):
            found += ["unpacking in a display" for part in node.elts if isinstance(part, ast.Starred)]
        elif isinstance(node, ast.Dict) and None in node.keys:
            found.append("unpacking in a dict")
        elif isinstance(node, ast.arguments) and node.posonlyargs:
            found.append("positional-only parameters")
        elif isinstance(node, ast.JoinedStr) and any(isinstance(part, ast.JoinedStr) for part in _below(node)):
            found.append("f-string in an f-string")
        elif isinstance(node, (ast.Match, ast.TryStar)):
            found.append(type(node).__name__)
    return found


def test_modules_keep_to_what_micropython_can_compile() -> None:
    """Which is a little less than what the checkers accept."""
    paths = sorted((WEB / "ui").rglob("*.py"))
    beyond = {path.name: beyond_micropython(ast.parse(path.read_text())) for path in paths}
    assert {name: found for name, found in beyond.items() if found} == {}
