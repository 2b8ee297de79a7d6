"""``irenic export``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.site_options import DEFAULT_SITE, RefreshOption, SiteOption, tell


def export(
    flows: Annotated[
        list[Path], typer.Argument(help="Flow files, or a folder with some.", metavar="FLOW.py|DIR", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option("--out", help="The folder to make; it must be new or empty.", metavar="DIR", show_default=False),
    ],
    site: SiteOption = Path(DEFAULT_SITE),
    refresh: RefreshOption = False,
) -> ExitCode:
    """Make a static site that runs flows in the browser.

    Any web server can serve it; without irenic's own server nothing is kept but in the tab.
    Packages that a flow's header asks for are in it; where they cannot be had for a tab, nothing is made.
    """
    from irenic.cli.flow_wheels import FlowWheels
    from irenic.cli.site import flow_files, make_site, wheel_cache

    make_site(site, out, flow_files(flows), FlowWheels(wheel_cache(), tell, refresh=refresh))
    sys.stdout.write(f"{out} is there. Next: python3 -m http.server --bind 127.0.0.1 --directory {out}\n")
    return ExitCode.COMPLETE
