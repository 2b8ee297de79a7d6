"""Every sample in the README and in docs/ runs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.help_in_docs import help_of
from tests.samples_in_docs import PAGE, sections, with_output

from irenic import CmdExecRequest, CmdExecutionMap
from irenic.engine.platform import Platform
from irenic.flow.script import load_flow
from irenic.items.files_disk import DiskFiles
from irenic.items.platform import platform
from irenic.stores import MemoryStore
from tooling.paths import SITE

ROOT = Path(__file__).parents[2]
FLOW_SAMPLES = ["README.md", "docs/items.md", "docs/writing-a-flow.md"]


def code_blocks(path: str, language: str) -> list[str]:
    """Return the fenced blocks of a language in a Markdown file."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / path).read_text(), re.DOTALL)


def heading(section: str) -> str:
    """Return the heading of a section."""
    return section.partition("\n")[0].removeprefix("## ")


@pytest.mark.parametrize("path", FLOW_SAMPLES)
def test_flow_samples_can_be_loaded(path: str) -> None:
    """A reader may paste any of them into a file and have a flow."""
    flows = [load_flow(source, f"{path}_{number}.py") for number, source in enumerate(code_blocks(path, "python"))]
    assert flows
    assert all(flow.items for flow in flows)


async def test_the_readme_flow_writes_and_cleans_its_files(tmp_path: Path) -> None:
    """The first thing that a reader tries does what the README says."""
    flow = load_flow(code_blocks("README.md", "python")[0], "hello.py")
    here = Platform(files=DiskFiles(tmp_path), http=platform().http)
    async with CmdExecutionMap(MemoryStore(), platform=here) as executions:
        ensured = await executions.submit(CmdExecRequest(flow=flow, inputs={"name": "Ada"}))
        texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
        cleaned = await executions.submit(CmdExecRequest(flow=flow, cmds=["clean"]))
    assert ensured.items.done == ["greeting", "loud"]
    assert texts == {"greeting.txt": "Hello, Ada!\n", "loud.txt": "HELLO, ADA!\n"}
    assert cleaned.kind == "complete"
    assert list(tmp_path.iterdir()) == []


def test_the_readme_commands_run_as_they_are_written(tmp_path: Path) -> None:
    """In the order in which a reader types them, and each ends well."""
    (tmp_path / "hello.py").write_text(code_blocks("README.md", "python")[0])
    lines = "".join(code_blocks("README.md", "sh")).splitlines()
    commands = [line for line in lines if line.startswith("irenic ") and not line.startswith("irenic serve ")]
    for command in commands:
        run = [sys.executable, "-m", *shlex.split(command)]
        environment = {**os.environ, "IRENIC_SITE": str(SITE)}
        done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, command) == (0, command), done.stderr
    assert [command.split()[1] for command in commands] == ["ensure", "status", "clean", "export"]
    left = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith((".", "__")))
    assert left == ["hello-site", "hello.py"]


@pytest.mark.parametrize("section", [part for part in sections(PAGE.read_text()) if "```console" in part], ids=heading)
def test_samples_of_what_has_changed_print_what_the_page_says(section: str, tmp_path: Path) -> None:
    """Run `python -m tests.samples_in_docs` where this fails, and read what has changed."""
    assert with_output(section, tmp_path / "place").splitlines() == section.splitlines()


def test_every_next_command_of_the_page_is_there_with_its_options() -> None:
    """Each `Next:` line names a command that exists, with options that it has."""
    following = re.findall(r"(?:^Next: |^ {6})(?:.*?, then )?(irenic [^(\n]+)", PAGE.read_text(), re.MULTILINE)
    assert following
    for command in following:
        words = shlex.split(command.strip())
        name = " ".join(words[1:3]) if words[1] == "state" else words[1]
        text = help_of(name)
        assert [word for word in words if word.startswith("--") and word not in text] == []


def test_every_relative_link_of_the_docs_leads_somewhere() -> None:
    """No page sends its reader to a page that is not there."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    dead = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert dead == []
