"""The subcommands of `build.py`.

setup   environment, JavaScript packages, the site
serve   setup, then the server on the site
test    setup, a browser, checks, tests
bench   setup, a browser, the benchmarks' peers, benchmarks
lock    the lock files, resolved anew
clean   delete what was made
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence

from tooling.browser import find_browser, provide_browser, provide_firefox, write_browser_file
from tooling.checks import bench_names, failed_checks, run_benchmark, run_tests
from tooling.console import Console
from tooling.environment import Group, bring_environment_up_to_date, peer_environment_step
from tooling.errors import BuildError
from tooling.packages import lighthouse_step, peer_wheels_step, write_lock_files
from tooling.paths import BUILD, NODE_MODULES, ROOT, SITE, VENV, VENV_PYTHON, shown
from tooling.pipeline import bring_site_up_to_date
from tooling.system import provide_counterparts

PEERS = {"boot": peer_wheels_step, "engine": peer_environment_step, "page": lighthouse_step}
"""What a benchmark needs beside the environment, for its peers."""

DATABASE = ROOT / ".irenic" / "server.db"
"""Where the server keeps people's data: outside `build/`, which may be deleted at any time."""


def main(arguments: Sequence[str]) -> int:
    """Run one subcommand and return the exit code."""
    options, others = _parser().parse_known_args(arguments)
    console = Console()
    # Asked to end, end what was started too; the programs run for a build would go on by themselves.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        exit_code: int = options.run(console, options, others)
    except BuildError as error:
        console.say(f"{error.log}\n\nbuild.py: {error}\nNext: {error.next_step}")
        return 1
    except KeyboardInterrupt:
        console.say("\nbuild.py: stopped. What is finished stays; the same command goes on from here.")
        return 130
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="build.py",
        description="Set up, serve, test and benchmark this tree.",
        epilog="Every step is skipped while what it was made from has not changed, and may be stopped at any moment.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    setup = commands.add_parser("setup", help="make .venv, fetch what the page needs, and make the site")
    serve = commands.add_parser(
        "serve",
        help="set up and serve the page",
        epilog="Every further option goes to the server, like --port 8001 or --open; --server-help lists them.",
    )
    serve.add_argument("--database", help=f"file or URL (default: $IRENIC_DATABASE_URL, or else {shown(DATABASE)})")
    serve.add_argument("--server-help", action="store_true", help="list the server's own options")
    test = commands.add_parser(
        "test",
        help="set up, check style and types, run the tests",
        epilog="Arguments go to pytest; with any, pytest alone is run: `build.py test tests/unit -x`.",
    )
    bench = commands.add_parser("bench", help="set up and run the benchmarks")
    bench.add_argument("names", nargs="*", help="which (default: all): boot engine page server interrupt")
    bench.add_argument("--quick", action="store_true", help="only see that they work; keep no figures")
    lock = commands.add_parser("lock", help="resolve all dependencies anew and write the lock files")
    clean = commands.add_parser("clean", help="delete build/ (never the data in .irenic/)")
    clean.add_argument("--all", action="store_true", help="also .venv and web/node_modules")
    for command, run in (
        (setup, _setup),
        (serve, _serve),
        (test, _test),
        (bench, _bench),
        (lock, _lock),
        (clean, _clean),
    ):
        command.set_defaults(run=run)
        if command in (serve, setup):
            command.add_argument(
                "--best-compression", action="store_true", help="15%% smaller files, for a minute more the first time"
            )
    return parser


def _setup(console: Console, options: argparse.Namespace, others: Sequence[str]) -> int:
    _refuse(others)
    _prepare(console, "runtime", "test", best_compression=options.best_compression)
    return 0


def _serve(console: Console, options: argparse.Namespace, others: Sequence[str]) -> int:
    _prepare(console, "runtime", best_compression=options.best_compression)
    command = [str(VENV_PYTHON), "-m", "irenic_server", "--site", str(SITE), *others]
    if options.database is not None:
        command += ["--database", options.database]
    elif "IRENIC_DATABASE_URL" not in os.environ:
        DATABASE.parent.mkdir(exist_ok=True)
        command += ["--database", str(DATABASE)]
    if options.server_help:
        command.append("--help")
    sys.stderr.flush()
    if sys.platform != "win32":
        os.execv(VENV_PYTHON, command)  # signals, and the terminal, are then the server's own
    return subprocess.run(command, check=False).returncode


def _test(console: Console, options: argparse.Namespace, others: Sequence[str]) -> int:
    del options
    _prepare(console, "runtime", "test", needs_browser=True)
    provide_firefox(console)
    provide_counterparts(console)
    failed = [] if others else failed_checks(console)
    exit_code = run_tests(others)
    if failed:
        raise BuildError(
            f"Failed, beside what the tests say: {', '.join(failed)}.",
            next_step="Run `.venv/bin/ruff check --fix` and `.venv/bin/ruff format`, and mend what is left by hand.",
        )
    return exit_code


def _bench(console: Console, options: argparse.Namespace, others: Sequence[str]) -> int:
    _refuse(others)
    known = bench_names()
    if unknown := sorted(set(options.names) - set(known)):
        raise BuildError(f"No benchmark is named {', '.join(unknown)}.", next_step=f"Name one of: {', '.join(known)}.")
    groups: tuple[Group, ...] = ("runtime", "test") if options.quick else ("runtime", "test", "bench")
    # Bytes are counted for the boot alone, and only the best compression is counted.
    best = "boot" in (options.names or known) and not options.quick
    _prepare(console, *groups, needs_browser=True, best_compression=best)
    exit_codes = []
    for name in options.names or known:
        if name in PEERS and not options.quick:
            console.run(PEERS[name](console))
        console.say(f"bench {name}")
        exit_codes.append(run_benchmark(name, *(("--quick",) if options.quick else ())))
    return max(exit_codes, default=0)


def _lock(console: Console, options: argparse.Namespace, others: Sequence[str]) -> int:
    del options
    _refuse(others)
    with _one_at_a_time(console):
        bring_environment_up_to_date(console, "runtime", "lock")
        with console.timed("lock files"):
            write_lock_files(console)
    return 0


def _clean(console: Console, options: argparse.Namespace, others: Sequence[str]) -> int:
    _refuse(others)
    for folder in (BUILD, VENV, NODE_MODULES) if options.all else (BUILD,):
        if folder.exists():
            shutil.rmtree(folder)
            console.say(f"  deleted  {shown(folder)}")
    return 0


def _refuse(others: Sequence[str]) -> None:
    if others:
        raise BuildError(f"Unknown: {' '.join(others)}.", next_step="See `python3 build.py --help`.")


def _prepare(console: Console, *groups: Group, needs_browser: bool = False, best_compression: bool = False) -> None:
    with _one_at_a_time(console):
        bring_environment_up_to_date(console, *groups)
        browser = provide_browser(console) if needs_browser else find_browser()
        if browser is not None:
            write_browser_file(browser)
        bring_site_up_to_date(console, browser, best_compression=best_compression, needs_snapshot=needs_browser)


@contextlib.contextmanager
def _one_at_a_time(console: Console) -> Iterator[None]:
    """Keep two builds of one tree apart: the second waits until the first has ended."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    BUILD.mkdir(exist_ok=True)
    with (BUILD / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.say("  ...   another build.py is at work in this tree; waiting for it to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
