"""The subcommands of `build.py`."""

import argparse
from collections.abc import Sequence

from tooling.console import Console
from tooling.environment import bring_environment_up_to_date
from tooling.errors import BuildError


def main(arguments: Sequence[str]) -> int:
    """Run one subcommand and return the exit code."""
    parser = argparse.ArgumentParser(prog="build.py")
    subcommands = parser.add_subparsers(dest="command", required=True)
    subcommands.add_parser("setup")
    parser.parse_args(arguments)
    console = Console()
    try:
        bring_environment_up_to_date(console, "runtime", "test")
    except BuildError as error:
        console.say(f"{error.log}\n\nbuild.py: {error}\nNext: {error.next_step}")
        return 1
    return 0
