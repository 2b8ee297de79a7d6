"""The pages on the command line, on guards and on use as a library tell everything, and what they tell is so."""

import ast
import asyncio
import inspect
import re
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from tests.help_in_docs import ALL_COMMANDS, PAGE, documented, help_of, with_help

import irenic.guards
from irenic.cli.exit_codes import ExitCode

DOCS = PAGE.parent


def samples_of(page: str) -> list[str]:
    """Return the Python samples of a page."""
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_every_command_is_documented() -> None:
    """None may be added in silence."""
    assert documented(PAGE.read_text()) == ALL_COMMANDS


def test_help_in_the_docs_is_what_the_commands_say() -> None:
    """Run `python -m tests.help_in_docs` where this fails."""
    text = PAGE.read_text()
    assert with_help(text) == text


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_every_option_says_what_it_does(command: str) -> None:
    """An option without a word of help is as good as none."""
    options = re.findall(r"^  (-\S[^\n]*)$", help_of(command), re.MULTILINE)
    assert options
    bare = [line for line in options if not re.search(r"\S  +\S", line) and "  " not in line.strip()]
    followed = [re.search(re.escape(line) + r"\n {10,}\S", help_of(command)) for line in bare]
    assert all(followed)


def test_every_exit_code_is_documented() -> None:
    """Scripts rely on them."""
    text = PAGE.read_text()
    assert [code for code in ExitCode if f"| {int(code)} |" not in text] == []


@pytest.mark.parametrize("name", irenic.guards.__all__)
def test_every_guard_is_documented_with_its_parameters(name: str) -> None:
    """Each by its name."""
    text = (DOCS / "guards.md").read_text()
    parameters = set(inspect.signature(getattr(irenic.guards, name)).parameters) - {"http"}
    assert f"`{name}`" in text
    assert {parameter for parameter in parameters if f"`{parameter}`" not in text} == set()


@pytest.mark.parametrize("page", ["library.md", "guards.md"])
def test_samples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, as a reader would paste them; `await` at the top level as in Jupyter."""
    monkeypatch.chdir(tmp_path)
    samples = samples_of(page)
    assert samples
    names: dict[str, Any] = {"__name__": "__main__"}
    with asyncio.Runner() as runner:
        for number, sample in enumerate(samples):
            code = compile(sample, f"{page}:{number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if code.co_flags & inspect.CO_COROUTINE:
                runner.run(_evaluated(code, names))
            else:
                exec(code, names)


async def _evaluated(code: CodeType, names: dict[str, Any]) -> None:
    await eval(code, names)
