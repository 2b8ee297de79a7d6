"""The command line, ``irenic``: one module a command."""

import gc
import sys


def main() -> None:
    """Run the command that was typed, and end the process with its exit code."""
    try:
        from irenic.cli.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich", "yaml", "httpx", "packaging", "platformdirs"):
            raise
        sys.stderr.write(f"irenic: the command line needs {error.name}: install it with `pip install 'irenic[cli]'`.\n")
        raise SystemExit(4) from None
    code = run()
    # The interpreter looks through all objects once more while it shuts down, which takes as long as all else after the
    # last item.
    gc.freeze()
    raise SystemExit(code)
