"""``irenic export``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.serve import SiteOption
from irenic.cli.site import DEFAULT_SITE, flow_files, make_site


def export(
    flows: Annotated[
        list[Path], typer.Argument(help="Flow files, or a folder with some.", metavar="FLOW.py|DIR", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option("--out", help="The folder to make; it must be new or empty.", metavar="DIR", show_default=False),
    ],
    site: SiteOption = Path(DEFAULT_SITE),
) -> ExitCode:
    """Make a static site that runs flows in the browser.

    Any web server can serve it; without irenic's own server nothing is kept but in the tab.
    """
    for warning in make_site(site, out, flow_files(flows)):
        sys.stderr.write(f"irenic: {warning}\n")
    sys.stdout.write(f"{out} is there. Next: python3 -m http.server --bind 127.0.0.1 --directory {out}\n")
    return ExitCode.COMPLETE
