"""Named tokens made, listed and revoked by the command line, beside a server that runs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.server.harness import problem_name, running_server

from irenic.cli.app import run
from irenic.cli.server import server_program
from irenic.cli.tokens import SCOPES
from irenic.model.errors import IrenicError
from irenic_server.tokens import Scope

Irenic = Callable[..., tuple[int, str, str]]


@pytest.fixture
def irenic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Irenic:
    """A function that runs a command in a new folder, and returns its exit code and what it wrote."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("IRENIC_")]:
        monkeypatch.delenv(name)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = int(run(list(arguments)))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_a_token_is_made_used_listed_and_revoked(irenic: Irenic, tmp_path: Path) -> None:
    """By commands that work on the database of the server that runs."""
    database = str(tmp_path / "shared.db")
    with running_server(database) as server:
        code, token, err = irenic("tokens", "create", "ci", "--scope", "read", "--database", database)
        assert (code, err) == (0, "Keep it: it is not stored, and cannot be shown again.\n")
        with server.client(token.strip()) as client:
            assert client.get("/api/v1/executions").status_code == 200
            assert problem_name(client.post("/api/v1/interrupt")) == "forbidden"
        code, listed, _ = irenic("tokens", "list", "--database", database)
        assert (code, listed.split("\t")[:2], listed.count("\n")) == (0, ["ci", "read"], 1)
        assert token.strip() not in listed
        assert irenic("tokens", "revoke", "ci", "--database", database) == (0, "", "")
        assert irenic("tokens", "list", "--database", database) == (0, "", "")


def test_without_more_a_token_allows_everything_in_the_database_that_serve_uses(irenic: Irenic) -> None:
    """A new folder needs no preparation; a limit is kept with the token."""
    assert irenic("tokens", "create", "ada", "--storage-limit", "1000")[0] == 0
    assert Path(".irenic/server.db").is_file()
    code, listed, _ = irenic("tokens", "list")
    assert code == 0
    assert set(listed.split("\t")[1].split()) == set(Scope)
    assert listed.endswith("\t0 of 1000 bytes\n")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("create", "ada"), 4, "There is a token named 'ada' already."),
        (
            ("create", "bob", "--scope", "reed"),
            2,
            "reed is no scope: use read, write, run, interrupt, take_over, metrics.",
        ),
        (("revoke", "bob"), 4, "There is no token named 'bob'."),
    ],
)
def test_what_cannot_be_done_is_told(irenic: Irenic, arguments: tuple[str, ...], code: int, told: str) -> None:
    """And changes nothing."""
    irenic("tokens", "create", "ada")
    before = irenic("tokens", "list")
    found = irenic("tokens", *arguments)
    assert (found[0], found[1]) == (code, "")
    assert told in found[2]
    assert irenic("tokens", "list") == before


def test_a_name_that_looks_like_an_option_is_a_name(irenic: Irenic) -> None:
    """After the two dashes that end the options."""
    assert irenic("tokens", "create", "--", "--odd")[0] == 0
    assert irenic("tokens", "list")[1].startswith("--odd\t")
    assert irenic("tokens", "revoke", "--", "--odd")[0] == 0


def test_the_command_line_knows_every_scope() -> None:
    """It names them without the server."""
    assert tuple(scope.value for scope in Scope) == SCOPES


def test_where_no_server_is_installed_the_next_step_is_told() -> None:
    """As for any program that is not there."""
    with pytest.raises(IrenicError, match="pip install irenic-server"):
        server_program("nothing of the kind")
