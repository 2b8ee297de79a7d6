"""Help output in docs/cli.md: made from the commands themselves.

``python -m tests.help_in_docs`` writes it anew, between the marks that name a command.
"""

import io
import os
import re
from contextlib import redirect_stdout
from pathlib import Path

from irenic.cli.app import COMMANDS, GROUPS, run

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"

ALL_COMMANDS = [*COMMANDS, *(f"{group} {name}" for group, module in GROUPS.items() for name in module.COMMANDS)]

_MARKED = re.compile(r"(<!-- help: (?P<command>[a-z ]+) -->\n).*?(<!-- end of help -->)", re.DOTALL)


def help_of(command: str) -> str:
    """Return what a command's ``--help`` writes, 100 columns wide."""
    found = dict(os.environ)
    os.environ["COLUMNS"] = "100"
    for name in [name for name in os.environ if name.startswith("IRENIC_")]:
        del os.environ[name]
    written = io.StringIO()
    try:
        with redirect_stdout(written):
            run([*command.split(), "--help"])
    finally:
        os.environ.clear()
        os.environ.update(found)
    return written.getvalue().strip()


def with_help(text: str) -> str:
    """Return the page with every marked place filled with the help as it is now."""
    return _MARKED.sub(lambda match: f"{match[1]}```text\n{help_of(match['command'])}\n```\n{match[3]}", text)


def documented(text: str) -> list[str]:
    """Return the commands whose help the page holds."""
    return [match["command"] for match in _MARKED.finditer(text)]


if __name__ == "__main__":
    PAGE.write_text(with_help(PAGE.read_text()))
