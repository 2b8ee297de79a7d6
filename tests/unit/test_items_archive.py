"""ArchiveExtract and Manifest on the disk, with sound and with hostile archives."""

import io
import json
import random
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.archives import FILES, FORMATS, member, tar_of, zip_of
from tests.workshop import Workshop, open_workshop

from irenic import Complete, Flow, ItemErrorOutcome, ItemFailure, ProgressLimit
from irenic.flow.context import DirectoryWriter, FileWriter
from irenic.items import ArchiveExtract, ArchiveLimits, Manifest
from irenic.items.archive import read_entries
from irenic.items.files_disk import DiskFiles
from irenic.model.errors import FlowError
from irenic.model.events import ItemResult, ItemState, ItemStatus

UNPACKED = {f"site/{path}": content for path, content in FILES.items()}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    """Files, and a store."""
    with open_workshop(tmp_path) as shop:
        yield shop


def extract(shop: Workshop, archive: bytes, **params: Any) -> Flow:
    """Put an archive on the disk and return a flow that unpacks it."""
    (shop.root / "app.archive").write_bytes(archive)
    flow = Flow("extract")
    flow.add(ArchiveExtract("site"), archive="app.archive", dest="site", **params)
    return flow


def site_of(shop: Workshop) -> dict[str, bytes]:
    """Return what was unpacked."""
    return {path: content for path, content in shop.tree().items() if path != "app.archive"}


async def refusal_of(shop: Workshop, archive: bytes, **params: Any) -> str:
    """Unpack an archive that cannot be, and return what the item's error says."""
    outcome = await shop.run(extract(shop, archive, **params))
    assert isinstance(outcome, ItemErrorOutcome)
    assert site_of(shop) == {}
    assert shop.leaves_nothing_unfinished()
    return outcome.errors["site"].message


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
async def test_unpacks_every_format(shop: Workshop, make: Any) -> None:
    """All files are there, none is left unfinished, and the state names them."""
    flow = extract(shop, make(FILES))

    outcome = await shop.run(flow)

    assert isinstance(outcome, Complete)
    assert site_of(shop) == UNPACKED
    assert shop.leaves_nothing_unfinished()
    state = await shop.state(flow, "site")
    assert state is not None
    assert (True, 3, sum(map(len, FILES.values()))) == (state["exists"], state["count"], state["size"])
    assert sorted(FILES) == list(state["files"])


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
async def test_a_second_ensure_does_nothing(shop: Workshop, make: Any) -> None:
    """peace 139: unpacking is idempotent."""
    flow = extract(shop, make(FILES))
    await shop.run(flow)

    again = await shop.run(flow)

    events = await shop.store.events(again.execution_id)
    assert [event.result for event in events if isinstance(event, ItemResult)] == ["unchanged"]


async def test_files_that_are_not_in_the_archive_are_removed(shop: Workshop) -> None:
    """peace 139: a new archive replaces the directory as a whole."""
    await shop.run(extract(shop, zip_of(FILES)))

    outcome = await shop.run(extract(shop, zip_of({"new.txt": b"new"})))

    assert isinstance(outcome, Complete)
    assert site_of(shop) == {"site/new.txt": b"new"}


async def test_files_of_somebody_else_are_not_removed(shop: Workshop) -> None:
    """A directory that nobody has discovered yet is not taken over, however often it is tried."""
    (shop.root / "site").mkdir()
    (shop.root / "site/mine.txt").write_bytes(b"mine")
    flow = extract(shop, zip_of(FILES))

    first = await shop.run(flow)
    second = await shop.run(flow)

    assert "mine.txt" in first.errors["site"].message
    assert "mine.txt" in second.errors["site"].message
    assert site_of(shop) == {"site/mine.txt": b"mine"}


async def test_files_of_somebody_else_are_removed_once_they_were_discovered(shop: Workshop) -> None:
    """Discover, and the diff that can then be looked at, tell that they will go."""
    (shop.root / "site").mkdir()
    (shop.root / "site/mine.txt").write_bytes(b"mine")
    flow = extract(shop, zip_of(FILES))

    diff = await shop.run(flow, "discover", "diff")
    outcome = await shop.run(flow)

    assert list((diff.states["site"].diff or {})["removed"]) == ["mine.txt"]
    assert isinstance(outcome, Complete)
    assert site_of(shop) == UNPACKED


async def test_the_diff_names_what_was_added_removed_and_modified(shop: Workshop) -> None:
    """peace 138."""
    flow = extract(shop, zip_of(FILES))
    await shop.run(flow)
    (shop.root / "site/readme.txt").write_bytes(b"HELLO\n")
    (shop.root / "site/empty").unlink()
    (shop.root / "site/zzz").write_bytes(b"")

    outcome = await shop.run(flow, "diff", source="discover")

    diff = outcome.states["site"].diff or {}
    assert tuple(map(list, (diff["added"], diff["removed"], diff["modified"]))) == (["empty"], ["zzz"], ["readme.txt"])


async def test_drift_is_repaired(shop: Workshop) -> None:
    """A changed file is seen by its content, not by its size or time."""
    flow = extract(shop, zip_of(FILES))
    await shop.run(flow)
    (shop.root / "site/readme.txt").write_bytes(b"HELLO\n")

    refused = await shop.run(flow, on_drift="refuse")
    repaired = await shop.run(flow)

    assert refused.kind == "refused"
    assert list(repaired.drift) == ["site"]
    assert site_of(shop) == UNPACKED


async def test_clean_removes_the_directory(shop: Workshop) -> None:
    """peace 139."""
    flow = extract(shop, zip_of(FILES))
    await shop.run(flow)

    outcome = await shop.run(flow, "clean")

    assert isinstance(outcome, Complete)
    assert site_of(shop) == {}
    assert not (shop.root / "site").exists()


async def test_clean_works_without_the_archive(shop: Workshop) -> None:
    """What was unpacked can be removed when the archive is gone."""
    flow = extract(shop, zip_of(FILES))
    await shop.run(flow)
    (shop.root / "app.archive").unlink()

    await shop.run(flow, "clean")

    assert site_of(shop) == {}


async def test_progress_counts_unpacked_bytes(shop: Workshop) -> None:
    """The limit is known before anything is unpacked."""
    execution = shop.submit(extract(shop, zip_of(FILES)))
    await execution

    item = execution.progress.items["site"]
    total = sum(map(len, FILES.values()))
    assert (ProgressLimit.bytes(total), total) == (item.limit, item.position)


class InterruptingDirectory:
    """A directory being filled that interrupts its execution at the third file."""

    def __init__(self, shop: Workshop, directory: DirectoryWriter) -> None:
        self.shop = shop
        self.directory = directory
        self.opened = 0

    def write(self, path: str) -> AbstractAsyncContextManager[FileWriter]:
        """Count, and interrupt."""
        self.opened += 1
        if self.opened == 3:
            self.shop.executions.interrupt_all()
        return self.directory.write(path)

    async def commit(self) -> None:
        """Never reached."""
        await self.directory.commit()


class InterruptingFiles(DiskFiles):
    """Files whose directories interrupt while they are filled."""

    def __init__(self, shop: Workshop) -> None:
        super().__init__(shop.root)
        self.shop = shop

    @asynccontextmanager
    async def stage(self, path: str) -> AsyncIterator[Any]:
        """Open a directory that interrupts."""
        async with super().stage(path) as directory:
            yield InterruptingDirectory(self.shop, directory)


async def test_a_cancelled_extraction_leaves_the_old_directory(shop: Workshop) -> None:
    """Half of the new files are never seen beside, or instead of, the old ones."""
    flow = extract(shop, zip_of(FILES))
    await shop.run(flow)
    flow = extract(shop, zip_of({f"{n}.bin": random.Random(n).randbytes(100_000) for n in range(20)}))
    shop.use(InterruptingFiles(shop))

    outcome = await shop.run(flow, strategy="cancel")

    assert outcome.is_interrupted
    assert site_of(shop) == UNPACKED
    assert shop.leaves_nothing_unfinished()


async def test_a_link_inside_becomes_a_copy(shop: Workshop) -> None:
    """Symbolic and hard links, also a link to a link."""
    archive = tar_of(
        {"v1/app.txt": b"app"},
        member("current.txt", tarfile.SYMTYPE, "./v1/app.txt"),
        member("v1/again.txt", tarfile.SYMTYPE, "../current.txt"),
        member("hard.txt", tarfile.LNKTYPE, "v1/app.txt"),
    )

    outcome = await shop.run(extract(shop, archive))

    names = ["current.txt", "hard.txt", "v1/again.txt", "v1/app.txt"]
    assert isinstance(outcome, Complete)
    assert {f"site/{name}": b"app" for name in names} == site_of(shop)


async def test_a_link_inside_a_zip_becomes_a_copy(shop: Workshop) -> None:
    """Zip files made on Unix may hold links."""
    outcome = await shop.run(extract(shop, zip_of({"a/b": b"b"}, links={"c": "a/b"})))

    assert isinstance(outcome, Complete)
    assert site_of(shop) == {"site/a/b": b"b", "site/c": b"b"}


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (zip_of({"../out.txt": b""}), "goes up"),
        (zip_of({"a/../../out.txt": b""}), "goes up"),
        (zip_of({"/etc/passwd": b""}), "absolute"),
        (zip_of({"C:/x": b""}), "absolute"),
        (zip_of({"a\\b": b""}), "backslash"),
        (zip_of({".irenic-partial/x": b""}), "unfinished files"),
        (zip_of({"a": b"", "./a": b""}), "twice"),
        (zip_of({"a": b"", "a/b": b""}), "twice"),
        (zip_of({"a/b": b"", "a": b""}), "twice"),
        (zip_of({"x": b""}, links={"l": "../../etc/passwd"}), "points out of the archive"),
        (zip_of({"x": b""}, links={"l": "/etc/passwd"}), "points out of the archive"),
        (zip_of({"x": b""}, links={"l": "y"}), "not a file in it"),
        (zip_of({"x": b""}, links={"l": "m", "m": "l"}), "not a file in it"),
        (zip_of({"x": b""}, links={"l": "y" * 5000}), "too long"),
        (tar_of({"../out.txt": b""}), "goes up"),
        (tar_of({"/etc/passwd": b""}), "absolute"),
        (tar_of({"a": b"", "a/./": b""}), "twice"),
        (tar_of({}, member("d", tarfile.CHRTYPE)), "device"),
        (tar_of({}, member("d", tarfile.FIFOTYPE)), "device"),
        (tar_of({}, member("../d", tarfile.DIRTYPE)), "goes up"),
        (tar_of({"d": b""}, member("d", tarfile.DIRTYPE)), "as a directory"),
        (tar_of({}, member("l", tarfile.SYMTYPE, "../x")), "points out of the archive"),
        (tar_of({}, member("a/l", tarfile.LNKTYPE, "../x")), "points out of the archive"),
        (tar_of({}, member("l", tarfile.SYMTYPE, "/x")), "points out of the archive"),
        (b"", "it is empty"),
        (b"<!doctype html><title>Log in</title>", "a web page"),
        (b"plain text " * 100, "known format"),
        (b"\x89PNG" + bytes(2000), "known format"),
        (zip_of(FILES)[:-30], "broken"),
        (zip_of(FILES)[:100], "broken"),
        (FORMATS["tar"](FILES)[:3000], "broken"),
        (FORMATS["tar.gz"](FILES)[:-4], "broken"),
        (FORMATS["tar.gz"](FILES)[:50], "broken"),
        (FORMATS["tar.bz2"](FILES)[:-4], "broken"),
        (FORMATS["tar.xz"](FILES)[:-4], "broken"),
        (b"\x1f\x8b\x08" + bytes(100), "broken"),
    ],
    ids=lambda value: value if isinstance(value, str) else "archive",
)
async def test_a_hostile_or_broken_archive_is_refused(shop: Workshop, archive: bytes, words: str) -> None:
    """The message says why, and nothing of the archive is kept."""
    assert words in await refusal_of(shop, archive)


async def test_a_changed_byte_is_found_by_the_checksum_of_the_archive(shop: Workshop) -> None:
    """Zip keeps a checksum for each file."""
    content = random.Random(1).randbytes(2000)  # such bytes do not get smaller, so they are found in the archive again
    archive = zip_of({"a": content})
    archive = archive.replace(content[1000:1010], content[1000:1009] + b"?")

    assert "broken" in await refusal_of(shop, archive)


async def test_an_encrypted_file_is_told(shop: Workshop) -> None:
    """There is nobody to ask for the password."""
    archive = bytearray(zip_of({"a": b"abc"}))
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        archive[bytes(archive).rindex(signature) + offset] |= 1

    assert "encrypted" in await refusal_of(shop, bytes(archive))


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize(
    ("limits", "words"),
    [({"max_files": 2}, "more than 2 files"), ({"max_bytes": 100}, "more than 100 bytes")],
)
async def test_limits_are_kept(shop: Workshop, make: Any, limits: dict[str, int], words: str) -> None:
    """Count and size, in every format."""
    assert words in await refusal_of(shop, make(FILES), limits=ArchiveLimits(**limits))


@pytest.mark.parametrize("format_", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
async def test_a_bomb_is_refused(shop: Workshop, format_: str) -> None:
    """A few kilobytes that grow to many megabytes."""
    bomb = FORMATS[format_]({"bomb": bytes(17 * 1024 * 1024)})

    assert "grows to more than 200 times its size" in await refusal_of(shop, bomb)


async def test_a_header_that_claims_to_be_huge_is_refused(shop: Workshop) -> None:
    """It would be read into memory as a whole before any limit is looked at."""
    header = tarfile.TarInfo("././@LongLink")
    header.type = tarfile.GNUTYPE_LONGNAME
    header.size = 4 * 1024 * 1024
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(header, io.BytesIO(bytes(header.size)))

    assert "header" in await refusal_of(shop, buffer.getvalue())


async def test_a_file_that_is_larger_than_it_says_is_refused(shop: Workshop) -> None:
    """The size in a zip file's table is not believed."""
    archive = bytearray(zip_of({"a": bytes(100_000)}))
    at = bytes(archive).rindex(b"PK\x01\x02") + 24
    archive[at : at + 4] = (10).to_bytes(4, "little")

    assert "broken" in await refusal_of(shop, bytes(archive))


async def test_a_missing_archive_is_told(shop: Workshop) -> None:
    """The message names the path."""
    flow = extract(shop, b"")
    (shop.root / "app.archive").unlink()

    outcome = await shop.run(flow)

    assert outcome.errors["site"].message == "there is no archive app.archive that could be unpacked."


async def test_a_broken_archive_at_discovery_is_only_a_warning(shop: Workshop) -> None:
    """It may be about to be replaced: discovery says that the directory will exist, and nothing more."""
    flow = extract(shop, b"broken")

    execution = shop.submit(flow, "discover")
    events = [event async for event in execution.events()]

    goals = [event.state for event in events if isinstance(event, ItemState) and event.which == "goal"]
    assert [(goal["exists"], goal["digest"]) for goal in goals if goal is not None] == [(True, None)]
    assert any(event.kind == "log" and "known format" in event.text for event in events)
    assert not any(isinstance(event, ItemStatus) and event.status == "complete_fail" for event in events)


def test_an_archive_inside_its_own_directory_is_refused_when_the_flow_is_built() -> None:
    """It would be removed by unpacking."""
    with pytest.raises(FlowError, match="must not lie in the directory"):
        Flow("extract").add(ArchiveExtract("site"), archive="site/app.zip", dest="site")


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_bytes_are_changed_only_an_understandable_failure_is_raised(make: Any, data: st.DataObject) -> None:
    """Archives with changed, cut or doubled parts are read, or refused, but never anything else."""
    archive = bytearray(make(FILES))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(archive) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "double"])):
            case "flip":
                archive[at] = data.draw(st.integers(0, 255))
            case "cut":
                del archive[at : at + data.draw(st.integers(1, 200))]
                archive = archive or bytearray(b"x")
            case _:
                archive[at:at] = archive[at : at + 100]
    try:
        for entry in read_entries(io.BytesIO(bytes(archive)), "a", len(archive), ArchiveLimits()):
            if entry.link is None:
                assert all(entry.chunks())
    except ItemFailure as failure:
        told = str(failure)
        assert told.startswith("a is not unpacked: ")


async def test_more_files_than_are_listed_are_known_by_their_common_digest(shop: Workshop) -> None:
    """The journal stays small; a change is seen all the same."""
    flow = extract(shop, zip_of({f"{n:04}": b"%d" % n for n in range(600)}))
    await shop.run(flow)
    (shop.root / "site/0100").write_bytes(b"200")

    state = await shop.state(flow, "site")
    refused = await shop.run(flow, on_drift="refuse")

    assert state is not None
    assert (state["count"], state["files"]) == (600, {})
    assert refused.kind == "refused"


def with_manifest(shop: Workshop, archive: bytes) -> Flow:
    """Return a flow that unpacks an archive and lists its files."""
    (shop.root / "app.archive").write_bytes(archive)
    flow = Flow("extract")
    site = flow.add(ArchiveExtract("site"), archive="app.archive", dest="site")
    flow.add(Manifest("manifest"), directory=site.state.path, dest="manifest.json")
    return flow


async def test_a_manifest_lists_path_size_and_digest(shop: Workshop) -> None:
    """Sorted by path, below the directory."""
    flow = with_manifest(shop, zip_of(FILES))

    await shop.run(flow)

    listed = json.loads(shop.tree()["manifest.json"])
    assert sorted(FILES) == [file["path"] for file in listed]
    assert [len(FILES[path]) for path in sorted(FILES)] == [file["size"] for file in listed]
    state = await shop.state(flow, "manifest")
    assert state is not None
    assert (3, sum(map(len, FILES.values()))) == (state["count"], state["total_size"])


async def test_a_manifest_follows_its_directory(shop: Workshop) -> None:
    """A new archive makes a new list in the same run."""
    await shop.run(with_manifest(shop, zip_of(FILES)))

    await shop.run(with_manifest(shop, zip_of({"new.txt": b"new"})))

    assert [file["path"] for file in json.loads(shop.tree()["manifest.json"])] == ["new.txt"]


async def test_a_dry_run_shows_what_is_not_known_yet(shop: Workshop) -> None:
    """Nothing is unpacked, so the list's content cannot be told, but that there will be one can."""
    outcome = await shop.run(with_manifest(shop, zip_of(FILES)), dry_run=True)

    assert isinstance(outcome, Complete)
    assert outcome.items.done == ["site", "manifest"]
    assert site_of(shop) == {}


async def test_a_broken_manifest_is_written_again(shop: Workshop) -> None:
    """A file that is no list counts no files."""
    flow = with_manifest(shop, zip_of(FILES))
    await shop.run(flow)
    good = shop.tree()["manifest.json"]
    (shop.root / "manifest.json").write_bytes(b"[{]")

    await shop.run(flow)

    assert good == shop.tree()["manifest.json"]


async def test_clean_removes_manifest_and_directory(shop: Workshop) -> None:
    """In reverse order."""
    flow = with_manifest(shop, zip_of(FILES))
    await shop.run(flow)

    await shop.run(flow, "clean")

    assert site_of(shop) == {}
