"""The command line, ``irenic``: one module a command."""

import gc
import sys

from irenic.endpoints.interruption import ignore_sigint, leave_at_once_on_sigint

NOT_ON_WINDOWS = (
    "it runs on Linux and macOS, not on Windows, where files cannot be locked as it needs. Nothing was started. Use it "
    "in the Windows Subsystem for Linux (`wsl`), or open a flow in the browser."
)


def main() -> None:
    """Run the command that was typed, and end the process with its exit code."""
    if sys.platform == "win32":
        sys.stderr.write(f"irenic: {NOT_ON_WINDOWS}\n")
        raise SystemExit(4)
    leave_at_once_on_sigint()
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
    ignore_sigint()
    raise SystemExit(code)
