"""FileDownload against a real web server and the disk."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.origin import Resource
from tests.workshop import Workshop, open_workshop

from irenic import Complete, Flow, InterruptReply, ItemErrorOutcome, ProgressLimit
from irenic.items import FileDownload
from irenic.model.errors import FlowError

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    """Files, a web server with one archive, and a store."""
    with open_workshop(tmp_path) as shop:
        shop.origin.resources["/app.zip"] = Resource(CONTENT, headers={"etag": '"1"'})
        yield shop


def download(shop: Workshop, path: str = "/app.zip", **params: object) -> Flow:
    """Return a flow with one download."""
    flow = Flow("download")
    flow.add(FileDownload("archive"), url=shop.origin.url(path), **{"dest": "files/app.zip", **params})
    return flow


async def message_of(shop: Workshop, flow: Flow) -> str:
    """Run a flow that fails, and return what the item's error says."""
    outcome = await shop.run(flow)
    assert isinstance(outcome, ItemErrorOutcome)
    assert shop.tree() == {}
    assert shop.leaves_nothing_unfinished()
    return outcome.errors["archive"].message


async def test_downloads_a_file_and_says_what_it_is(shop: Workshop) -> None:
    """The file is there as the server has it, and its state tells size, digest and origin."""
    flow = download(shop)

    outcome = await shop.run(flow)

    assert isinstance(outcome, Complete)
    assert shop.tree() == {"files/app.zip": CONTENT}
    assert shop.leaves_nothing_unfinished()
    assert {
        "path": "files/app.zip",
        "exists": True,
        "size": len(CONTENT),
        "sha256": SHA256,
        "url": shop.origin.url("/app.zip"),
        "etag": '"1"',
        "last_modified": None,
    } == await shop.state(flow, "archive")


@pytest.mark.parametrize("sha256", [SHA256, SHA256.upper()])
async def test_a_second_ensure_asks_for_nothing(shop: Workshop, sha256: str) -> None:
    """A file that has the wanted digest is at its goal."""
    flow = download(shop, sha256=sha256)

    await shop.run(flow)
    again = await shop.run(flow)

    assert shop.origin.requests == ["GET /app.zip"]
    assert isinstance(again, Complete)
    assert again.items.done == ["archive"]


ETAG = {"etag": '"1"', "last-modified": "Tue, 01 Dec 2026 00:00:00 GMT"}


@pytest.mark.parametrize(
    ("before", "now", "downloads"),
    [
        (ETAG, ETAG, 1),
        (ETAG, {**ETAG, "etag": 'W/"1"'}, 1),
        (ETAG, {**ETAG, "last-modified": "Wed, 02 Dec 2026 00:00:00 GMT"}, 1),
        (ETAG, {**ETAG, "etag": '"2"'}, 2),
        (ETAG, {"last-modified": ETAG["last-modified"]}, 1),
        (ETAG, {"last-modified": "Wed, 02 Dec 2026 00:00:00 GMT"}, 2),
        (ETAG, {}, 1),
        ({"etag": '"1"'}, {"last-modified": ETAG["last-modified"]}, 1),
    ],
    ids=["same", "weak", "touched", "changed", "no etag, same", "no etag, changed", "says nothing", "says another"],
)
async def test_it_is_downloaded_again_where_the_url_has_something_else(
    shop: Workshop, before: dict[str, str], now: dict[str, str], downloads: int
) -> None:
    """The ETag says so, or else Last-Modified; afterwards it is at its goal again."""
    shop.origin.resources["/app.zip"] = Resource(CONTENT, headers=before)
    flow = download(shop)
    await shop.run(flow)
    shop.origin.resources["/app.zip"] = Resource(b"other", headers=now)

    outcomes = [await shop.run(flow), await shop.run(flow)]

    assert all(isinstance(outcome, Complete) for outcome in outcomes)
    assert shop.origin.requests.count("GET /app.zip") == downloads
    assert shop.tree() == {"files/app.zip": CONTENT if downloads == 1 else b"other"}


@pytest.mark.parametrize("how", ["refuses", "is gone", "says nothing"])
async def test_where_the_host_does_not_say_the_file_stays(shop: Workshop, how: str) -> None:
    """It does not answer HEAD, cannot be reached, or has named no version of what was downloaded."""
    if how == "says nothing":
        shop.origin.resources["/app.zip"] = Resource(CONTENT)
    flow = download(shop)
    await shop.run(flow)
    if how == "refuses":
        shop.origin.resources["/app.zip"].answers_head = False
    elif how == "is gone":
        shop.origin.close()

    outcome = await shop.run(flow)

    assert isinstance(outcome, Complete)
    assert shop.origin.requests.count("GET /app.zip") == 1
    assert shop.tree() == {"files/app.zip": CONTENT}


async def test_a_file_with_the_wanted_digest_is_not_asked_for_at_all(shop: Workshop) -> None:
    """Content counts, not where it came from."""
    (shop.root / "files").mkdir()
    (shop.root / "files/app.zip").write_bytes(CONTENT)

    outcome = await shop.run(download(shop, sha256=SHA256))

    assert isinstance(outcome, Complete)
    assert shop.origin.requests == []


async def test_a_file_of_unknown_origin_is_downloaded_again(shop: Workshop) -> None:
    """Where no digest is given, a file that was not downloaded from the URL is replaced."""
    (shop.root / "files").mkdir()
    (shop.root / "files/app.zip").write_bytes(b"something else")

    await shop.run(download(shop))

    assert shop.origin.requests == ["GET /app.zip"]
    assert shop.tree() == {"files/app.zip": CONTENT}


async def test_another_url_downloads_again(shop: Workshop) -> None:
    """What was downloaded from one URL is not taken for the content of another."""
    shop.origin.resources["/new.zip"] = Resource(b"new")
    await shop.run(download(shop))

    await shop.run(download(shop, "/new.zip"))

    assert shop.tree() == {"files/app.zip": b"new"}


async def test_a_changed_file_is_drift(shop: Workshop) -> None:
    """A file that was changed since is repaired, or refused where that is asked for."""
    flow = download(shop)
    await shop.run(flow)
    (shop.root / "files/app.zip").write_bytes(b"changed")

    refused = await shop.run(flow, on_drift="refuse")
    repaired = await shop.run(flow)

    assert refused.kind == "refused"
    assert isinstance(repaired, Complete)
    assert shop.tree() == {"files/app.zip": CONTENT}


async def test_clean_removes_the_file(shop: Workshop) -> None:
    """After clean there is no file, and cleaning again does nothing."""
    flow = download(shop)
    await shop.run(flow)

    cleaned = await shop.run(flow, "clean")
    again = await shop.run(flow, "clean")

    assert isinstance(cleaned, Complete)
    assert isinstance(again, Complete)
    assert shop.tree() == {}


async def test_a_dry_run_asks_for_nothing(shop: Workshop) -> None:
    """A dry ensure says what it would do and touches neither the web nor the disk."""
    outcome = await shop.run(download(shop), dry_run=True)

    assert isinstance(outcome, Complete)
    assert shop.origin.requests == []
    assert shop.tree() == {}


async def test_progress_counts_bytes(shop: Workshop) -> None:
    """The announced size is the limit; the position reaches it."""
    execution = shop.submit(download(shop))
    await execution

    item = execution.progress.items["archive"]
    assert ProgressLimit.bytes(len(CONTENT)) == item.limit
    assert len(CONTENT) == item.position


async def test_a_download_without_an_announced_size_has_no_limit(shop: Workshop) -> None:
    """Nobody knows how much is to come, so no total is made up."""
    shop.origin.resources["/app.zip"] = Resource(CONTENT, announce=False)
    execution = shop.submit(download(shop))
    await execution

    assert ProgressLimit.bytes(None) == execution.progress.items["archive"].limit
    assert shop.tree() == {"files/app.zip": CONTENT}


async def test_a_cancelled_download_leaves_nothing_and_gives_the_connection_up(shop: Workshop) -> None:
    """Cancelling in the middle of the body removes what was written; the server sees the client leave."""
    resource = shop.origin.resources["/big"] = Resource(CONTENT * 40, pause_after=300_000)
    flow = download(shop, "/big")
    execution = shop.submit(flow, strategy="cancel")
    await asyncio.to_thread(resource.reached.wait, 10)

    assert execution.interrupt() == InterruptReply.REQUESTED
    outcome = await execution
    resource.go_on.set()

    assert outcome.is_interrupted
    assert outcome.items.not_done == ["archive"]
    assert await asyncio.to_thread(resource.client_left.wait, 10)
    assert shop.tree() == {}
    assert shop.leaves_nothing_unfinished()


async def test_a_download_that_is_let_finish_is_not_repeated_on_resume(shop: Workshop) -> None:
    """Over ensure, interrupt at level finish, and resume, the archive is asked for once."""
    resource = shop.origin.resources["/app.zip"] = Resource(CONTENT, pause_after=1000)
    flow = download(shop)
    flow.add(FileDownload("second"), url=shop.origin.url("/second"), dest="second")
    flow.edge("archive", "second")
    shop.origin.resources["/second"] = Resource(b"2")
    execution = shop.submit(flow)
    await asyncio.to_thread(resource.reached.wait, 10)

    execution.interrupt()
    resource.go_on.set()
    interrupted = await execution
    resumed = await shop.run(flow)

    assert (interrupted.items.done, interrupted.items.not_done) == (["archive"], ["second"])
    assert isinstance(resumed, Complete)
    assert [asked for asked in shop.origin.requests if asked.startswith("GET")] == ["GET /app.zip", "GET /second"]


async def test_a_wrong_checksum_is_told_and_nothing_is_kept(shop: Workshop) -> None:
    """The message names both digests."""
    wanted = "0" * 64

    message = await message_of(shop, download(shop, sha256=wanted))

    assert SHA256 in message
    assert wanted in message
    assert "Nothing was kept" in message


async def test_a_wrong_checksum_leaves_the_old_file_as_it_was(shop: Workshop) -> None:
    """A download that fails does not touch what is there."""
    await shop.run(download(shop))
    shop.origin.resources["/app.zip"] = Resource(b"changed on the server")

    outcome = await shop.run(download(shop, sha256="0" * 64))

    assert isinstance(outcome, ItemErrorOutcome)
    assert shop.tree() == {"files/app.zip": CONTENT}


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "there is nothing at this address"), (403, "refuses access"), (500, "the server failed"), (418, "refuses")],
)
async def test_an_error_status_is_told_in_words(shop: Workshop, status: int, words: str) -> None:
    """The body of an error page is not taken for the file."""
    shop.origin.resources["/app.zip"] = Resource(b"<html>", status=status)

    message = await message_of(shop, download(shop))

    assert str(status) in message
    assert words in message


async def test_a_connection_that_breaks_off_is_told(shop: Workshop) -> None:
    """A body that ends too early is an error, not a short file."""
    shop.origin.resources["/app.zip"] = Resource(CONTENT, cut_after=5000)

    assert "broke off" in await message_of(shop, download(shop))


async def test_a_host_where_nothing_listens_is_told(shop: Workshop, unused_tcp_port: int) -> None:
    """The message names the host and the reason."""
    flow = Flow("download")
    flow.add(FileDownload("archive"), url=f"http://127.0.0.1:{unused_tcp_port}/a", dest="a")

    assert f"127.0.0.1:{unused_tcp_port} could not be reached: nothing listens there." == await message_of(shop, flow)


async def test_a_host_that_nobody_knows_is_told(shop: Workshop) -> None:
    """A name that cannot be resolved is not a traceback."""
    flow = Flow("download")
    flow.add(FileDownload("archive"), url="http://no-such-host.invalid/a", dest="a")

    assert "no-such-host.invalid could not be reached" in await message_of(shop, flow)


async def test_a_path_on_the_pages_own_site_is_explained(shop: Workshop) -> None:
    """Natively there is no page."""
    flow = Flow("download")
    flow.add(FileDownload("archive"), url="/flows/sample.zip", dest="a")

    assert "only the tab has" in await message_of(shop, flow)


@pytest.mark.parametrize("announce", [True, False])
async def test_a_download_above_max_bytes_is_refused(shop: Workshop, announce: bool) -> None:
    """Also where the server does not say beforehand how much it will send."""
    shop.origin.resources["/app.zip"] = Resource(CONTENT, announce=announce)

    assert "sends more than 1,000 bytes" in await message_of(shop, download(shop, max_bytes=1000))


async def test_a_directory_in_the_place_of_the_file_is_told(shop: Workshop) -> None:
    """It is not replaced by a file."""
    (shop.root / "files/app.zip").mkdir(parents=True)

    outcome = await shop.run(download(shop))

    assert "there is a directory of that name" in outcome.errors["archive"].message
    assert (shop.root / "files/app.zip").is_dir()


@pytest.mark.parametrize(
    "dest", ["../app.zip", "/etc/app.zip", "a/../../b", "", ".", "a\\b", "a\nb", ".irenic-partial/a"]
)
def test_a_path_that_leaves_the_folder_is_refused_when_the_flow_is_built(dest: str) -> None:
    """An author's slip is found before anything runs."""
    flow = Flow("download")

    with pytest.raises(FlowError, match="must"):
        flow.add(FileDownload("archive"), url="http://example.org/a", dest=dest)


@pytest.mark.parametrize("params", [{"url": "ftp://example.org/a"}, {"url": "//example.org/a"}, {"sha256": "12"}])
def test_params_that_cannot_be_are_refused_when_the_flow_is_built(params: dict[str, str]) -> None:
    """Other schemes, and digests of another length."""
    flow = Flow("download")

    with pytest.raises(FlowError, match="not valid"):
        flow.add(FileDownload("archive"), **{"url": "http://example.org/a", "dest": "a", **params})


async def test_a_login_in_the_url_is_not_stored(shop: Workshop) -> None:
    """The state holds the URL without user name and password."""
    url = shop.origin.url("/app.zip")
    flow = Flow("download")
    flow.add(FileDownload("archive"), url=url.replace("http://", "http://ada:secret@"), dest="a")

    await shop.run(flow)
    await shop.run(flow)

    state = await shop.state(flow, "archive")
    assert state is not None
    assert url == state["url"]
    assert shop.origin.requests.count("GET /app.zip") == 1
