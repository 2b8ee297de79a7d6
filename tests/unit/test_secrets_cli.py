"""A byte search for a secret, over everything that a run leaves and shows."""

import io
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.leaky_flow import HIDDEN, LEAKY, SECRET
from tests.server.harness import TOKEN, running_server

from irenic.flow.secret_mask import MASK, MaskedStream, RecentSecrets, SecretMask


def leaking(folder: Path, *arguments: str, how: str = "", store: str = ".irenic") -> subprocess.CompletedProcess[bytes]:
    """Run a command on the flow that lets its secret slip."""
    (folder / "leaky.py").write_text(LEAKY)
    return subprocess.run(
        [sys.executable, "-m", "irenic", *arguments, "leaky.py", "-i", f"token={SECRET}", "--store", store],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LEAKY": how, "IRENIC_TOKEN": TOKEN, "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def assert_hidden(folder: Path, *outputs: subprocess.CompletedProcess[bytes]) -> None:
    """Check that nothing but what the item itself wrote has the secret."""
    needle = HIDDEN.encode()
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "first"]
    assert [str(path.relative_to(folder)) for path in files if needle in path.read_bytes()] == []
    for output in outputs:
        assert needle not in output.stdout
        assert needle not in output.stderr


REPORTS = ("--junit", "report.xml", "--summary", "report.md", "--log-level", "debug", "--traceback")


@pytest.mark.parametrize("how", ["", "raise", "validate", "return"])
@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_a_secret_is_in_nothing_that_a_run_leaves_or_shows(tmp_path: Path, how: str, form: str) -> None:
    """Journal, states, lease, reports, terminal; whatever the item says, prints, raises or returns."""
    run = leaking(tmp_path, "ensure", "--format", form, *REPORTS, how=how)
    assert run.returncode == (1 if how else 0)
    assert b"printed **********" in run.stdout + run.stderr
    assert b"logged **********" in run.stderr
    preview = leaking(tmp_path, "preview", "--save", "plan.json", "--format", form)
    assert preview.returncode == 0
    assert b"looks with Bearer **********" in preview.stdout + preview.stderr
    shown = leaking(tmp_path, "status", "--format", form)
    assert_hidden(tmp_path, run, preview, shown)


def test_what_is_masked_in_the_store_is_the_same_the_next_time(tmp_path: Path) -> None:
    """No drift, no other thing, no stale plan where only the mask differs from what is there."""
    assert leaking(tmp_path, "ensure").returncode == 0
    assert leaking(tmp_path, "preview", "--save", "plan.json").returncode == 0
    again = leaking(tmp_path, "ensure", "--plan", "plan.json", "--on-drift", "refuse", "--format", "json")
    outcome = json.loads(again.stdout)
    assert (outcome["kind"], outcome["drift"], outcome["leftovers"], outcome["notes"]) == ("complete", {}, [], {})
    assert leaking(tmp_path, "clean", "--yes").returncode == 0
    assert not (tmp_path / "first").exists()
    assert_hidden(tmp_path)


def test_what_was_made_with_a_secret_is_cleaned_only_with_it(tmp_path: Path) -> None:
    """A param that is made of a secret is not stored, and never replaced by its mask."""
    assert leaking(tmp_path, "ensure").returncode == 0
    removed = LEAKY.partition("first = flow.add")[0] + 'flow.add(Leaky("other"), token=flow.inputs.token)\n'
    (tmp_path / "leaky.py").write_text(removed)
    cleaned = subprocess.run(
        [sys.executable, "-m", "irenic", "ensure", "leaky.py", "-i", f"token={SECRET}", "--prune"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "need a secret that is not known" in cleaned.stdout
    assert (tmp_path / "first").exists()


def test_a_secret_that_is_not_valid_is_not_shown(tmp_path: Path) -> None:
    """Not even by the author's own validator."""
    picky = LEAKY.replace(
        "    token: SecretStr\n\nclass Params",
        """    token: SecretStr

    @field_validator("token")
    @classmethod
    def known(cls, value: SecretStr) -> SecretStr:
        raise ValueError("no such token: " + value.get_secret_value())

class Params""",
    ).replace("import BaseModel,", "import field_validator, BaseModel,")
    (tmp_path / "leaky.py").write_text(picky)
    run = subprocess.run(
        [sys.executable, "-m", "irenic", "ensure", "leaky.py", "-i", f"token={SECRET}"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "token: Value error, no such token: **********" in run.stderr
    assert HIDDEN not in run.stderr + run.stdout


@pytest.mark.parametrize("how", ["", "raise"])
def test_a_secret_is_not_in_a_servers_database(tmp_path: Path, how: str) -> None:
    """Nor in its telemetry, which is in there too."""
    data, work = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    work.mkdir()
    with running_server(f"sqlite:///{data / 'irenic.db'}") as server:
        run = leaking(work, "ensure", "--telemetry", server.address, how=how, store=server.address)
        assert run.returncode == (1 if how else 0)
    assert any(b"leaky" in path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert_hidden(tmp_path, run)


@pytest.mark.parametrize("how", ["", "raise"])
def test_a_server_that_runs_flows_prints_and_stores_no_secret(tmp_path: Path, how: str) -> None:
    """Its output, log and database; while it runs and when it has ended."""
    (tmp_path / "leaky.py").write_text(LEAKY)
    options = ["--database", "server.db", "--port", "0", "--token", TOKEN, "--log-level", "debug"]
    with (
        (tmp_path / "output.txt").open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "irenic_server", "--run", "leaky.py", *options],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "LEAKY": how, "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=output,
        ) as server,
    ):
        assert server.stdout is not None
        address = server.stdout.readline().decode().partition("/?token=")[0]
        ends = ExitStack()
        ends.callback(server.terminate)
        with ends, httpx.Client(base_url=f"{address}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            asked = client.post("/executions", json={"flow": "leaky", "inputs": {"token": SECRET}})
            outcome = f"/executions/{asked.json()['id']}/outcome"
            while client.get(outcome).status_code == 404:
                time.sleep(0.05)
            assert client.get(outcome).json()["kind"] == ("item_error" if how else "complete")
        printed, _ = server.communicate(timeout=20)
    assert b"printed **********" in printed
    assert HIDDEN.encode() not in printed
    assert_hidden(tmp_path)


def test_a_stream_masks_the_secrets_of_the_last_few_runs() -> None:
    """Also those that a run learns of while it goes on; what was masked long ago is forgotten."""
    recent, written = RecentSecrets(most=2), io.StringIO()
    stream = MaskedStream(written, recent)
    masks = [SecretMask() for _ in range(3)]
    for mask, secret in zip(masks, ("first-secret", "second-secret", "third-secret"), strict=True):
        recent.add(mask)
        mask.learn_text(secret)
    stream.writelines(["first-secret ", "second-secret ", "third-secret"])
    assert written.getvalue() == f"first-secret {MASK} {MASK}"
    assert stream.getvalue() == written.getvalue()
