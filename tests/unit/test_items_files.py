"""Files on the disk: what is unfinished is never seen, and goes with the process that made it."""

import asyncio
import errno
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from irenic import ItemFailure
from irenic.items.disk import sync_content, sync_file, write_file_durably
from irenic.items.files_disk import DiskFiles, explained
from irenic.items.paths import PARTIAL
from irenic.items.threads import in_thread


async def put(files: DiskFiles, path: str, content: bytes) -> None:
    """Write a whole file."""
    async with files.write(path) as file:
        await file.write(content)
        await file.commit()


def names(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


async def test_a_file_is_seen_only_when_it_is_whole(tmp_path: Path) -> None:
    """The old content stays until the commit, also for listings."""
    files = DiskFiles(tmp_path)
    await put(files, "a/file", b"old")

    async with files.write("a/file") as file:
        await file.write(b"new" * 200_000)
        before = (await files.read_bytes("a/file"), await files.list())
        await file.commit()

    assert (before[0], [stat.path for stat in before[1]]) == (b"old", ["a/file"])
    assert await files.read_bytes("a/file") == b"new" * 200_000
    assert names(tmp_path) == ["a"]


async def test_a_file_that_is_not_committed_is_discarded(tmp_path: Path) -> None:
    """Also where the block ends by an exception."""
    files = DiskFiles(tmp_path)

    async def give_up() -> None:
        async with files.write("file") as file:
            await file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await give_up()

    assert names(tmp_path) == []


async def test_a_directory_takes_the_place_of_the_old_one_as_a_whole(tmp_path: Path) -> None:
    """Files of the old one are gone; a file that was not committed does not come along."""
    files = DiskFiles(tmp_path)
    await put(files, "site/old", b"old")

    async with files.stage("site") as directory:
        async with directory.write("a/new") as file:
            await file.write(b"new")
            await file.commit()
        async with directory.write("half") as file:
            await file.write(b"half")
        await directory.commit()

    assert [stat.path for stat in await files.list()] == ["site/a/new"]
    assert names(tmp_path) == ["site"]


async def test_what_a_killed_process_left_is_removed_at_the_next_use(tmp_path: Path) -> None:
    """Its lock went with it; what a living process works on stays."""
    script = (
        "import asyncio, sys\n"
        "from irenic.items.files_disk import DiskFiles\n"
        "async def main():\n"
        "    async with DiskFiles(sys.argv[1]).write('file') as file:\n"
        "        await file.write(b'x' * 300_000)\n"
        "        print('writing', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(tmp_path), stdout=PIPE)
    assert process.stdout is not None
    await process.stdout.readline()

    assert await DiskFiles(tmp_path).list() == []
    while_alive = [path.stat().st_size for path in (tmp_path / PARTIAL).rglob("file")]
    process.kill()
    await process.communicate()
    assert await DiskFiles(tmp_path).list() == []

    assert while_alive == [300_000]
    assert names(tmp_path) == []


async def test_files_and_directories_are_renamed_over_old_ones(tmp_path: Path) -> None:
    """The target is replaced, whichever of the two it is."""
    files = DiskFiles(tmp_path)
    await put(files, "a/one", b"1")
    await put(files, "b/two", b"2")
    await put(files, "c", b"3")

    await files.rename("a", "b")
    await files.rename("b/one", "d/e")
    await files.rename("d", "c")

    assert [(stat.path, stat.size) for stat in await files.list()] == [("c/e", 1)]


async def test_removing_takes_along_the_directories_that_are_empty_then(tmp_path: Path) -> None:
    """They were made for the file alone."""
    files = DiskFiles(tmp_path)
    await put(files, "a/b/c/file", b"1")
    await put(files, "a/other", b"2")

    await files.remove("a/b/c/file")

    assert names(tmp_path / "a") == ["other"]


async def test_removing_what_is_not_there_does_nothing(tmp_path: Path) -> None:
    """Neither a file nor its directories."""
    await DiskFiles(tmp_path).remove("no/such/file")


async def test_files_side_by_side_share_the_making_and_removing_of_their_folder(tmp_path: Path) -> None:
    """Each makes the folder that another is removing because it is empty for that moment."""
    files = DiskFiles(tmp_path)

    async def come_and_go(name: str) -> None:
        for _ in range(40):
            await put(files, f"new/{name[0]}/deep/{name}", b"x")
            await files.remove(f"new/{name[0]}/deep/{name}")

    await asyncio.gather(*(come_and_go(f"{folder}{number}") for folder in "ab" for number in range(4)))

    assert names(tmp_path) == []


async def test_processes_side_by_side_share_the_making_and_removing_of_their_folder(tmp_path: Path) -> None:
    """No lock of this process keeps another from removing a folder that is empty for a moment."""
    script = (
        "import asyncio, sys\n"
        "from irenic.items.files_disk import DiskFiles\n"
        "async def main():\n"
        "    files = DiskFiles(sys.argv[1])\n"
        "    for _ in range(150):\n"
        "        async with files.write('new/deep/' + sys.argv[2]) as file:\n"
        "            await file.commit()\n"
        "        await files.remove('new/deep/' + sys.argv[2])\n"
        "asyncio.run(main())\n"
    )
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, tmp_path, str(number), stderr=PIPE)
        for number in range(3)
    ]

    errors = [(await process.communicate())[1].decode() for process in processes]

    assert errors == ["", "", ""]
    assert names(tmp_path) == []


async def test_a_directory_may_vanish_in_part_while_it_is_removed(tmp_path: Path) -> None:
    """What two of them want to remove is gone afterwards."""
    files = DiskFiles(tmp_path)
    for _ in range(10):
        for number in range(30):
            (tmp_path / "site" / str(number)).mkdir(parents=True)
            (tmp_path / "site" / str(number) / "file").touch()

        await asyncio.gather(*(files.remove("site") for _ in range(4)), *(files.remove(f"site/{n}") for n in range(30)))

        assert names(tmp_path) == []


@pytest.mark.parametrize("path", ["link/file", "link", "dir/up/file"])
async def test_a_symbolic_link_does_not_lead_out(tmp_path: Path, path: str) -> None:
    """Neither reading nor writing follows it."""
    outside, root = tmp_path / "outside", tmp_path / "root"
    (root / "dir").mkdir(parents=True)
    outside.mkdir()
    (outside / "file").write_bytes(b"secret")
    (root / "link").symlink_to(outside)
    (root / "dir/up").symlink_to("../../outside")
    files = DiskFiles(root)

    with pytest.raises(ItemFailure, match=r"symbolic link|directory of that name"):
        await files.read_bytes(path)
    with pytest.raises(ItemFailure, match=r"symbolic link|directory of that name"):
        await put(files, path, b"x")

    assert names(outside) == ["file"]


async def test_removing_a_symbolic_link_removes_the_link_alone(tmp_path: Path) -> None:
    """What it points at stays."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path / "outside")

    await DiskFiles(tmp_path / "root").remove("link")

    assert names(tmp_path / "root") == []
    assert (tmp_path / "outside").is_dir()


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "your quota"), (errno.EACCES, "may not touch"), (0, "strange")],
)
def test_errors_of_the_disk_are_told_in_words(number: int, words: str) -> None:
    """With what to do about it, for those that are met."""
    with pytest.raises(ItemFailure, match=words), explained("file"):
        raise OSError(number, "strange")


async def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    """The disk's own limit."""
    with pytest.raises(ItemFailure, match="too long"):
        await put(DiskFiles(tmp_path), "x" * 300, b"")


async def test_a_file_where_a_directory_is_needed_is_told(tmp_path: Path) -> None:
    """Nothing is overwritten."""
    files = DiskFiles(tmp_path)
    await put(files, "a", b"1")

    with pytest.raises(ItemFailure, match="a file where a directory is needed"):
        await put(files, "a/b", b"2")

    assert await files.read_bytes("a") == b"1"


async def test_a_call_in_a_thread_is_seen_through_before_a_cancellation_goes_on() -> None:
    """Who cleans up may rely on nobody writing any more, however often the task is cancelled."""
    loop = asyncio.get_running_loop()
    began, go_on, ended = asyncio.Event(), asyncio.Event(), []

    def work() -> None:
        loop.call_soon_threadsafe(began.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        ended.append(True)

    task = asyncio.create_task(in_thread(work))
    await began.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    still_running = not task.done()
    go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert (still_running, ended) == (True, [True])


def test_durable_means_on_the_disk_on_macos_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There `fsync` stops at the disk's cache, and `fdatasync` is not there."""
    asked: list[int] = []
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr("os.fdatasync")
    monkeypatch.setattr("fcntl.F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr("fcntl.fcntl", lambda handle, what: asked.append(what))

    with (tmp_path / "file").open("wb") as file:
        sync_content(file.fileno())
        sync_file(file.fileno())
    write_file_durably(tmp_path / "other", b"x")  # the file and its folder

    assert asked == [51] * 4
