"""What the commands share that make a site, without what makes it: no other command waits for that."""

import sys
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_SITE = "build/site"
MANIFEST = "manifest.json"

SiteOption = Annotated[
    Path, typer.Option("--site", help="The folder of the built site.", metavar="DIR", envvar="IRENIC_SITE")
]
RefreshOption = Annotated[
    bool, typer.Option("--refresh", help="Fetch the packages that flows ask for anew, in place of those kept.")
]


def tell(text: str) -> None:
    """Write a line for whoever sits at the terminal."""
    sys.stderr.write(f"irenic: {text}\n")
    sys.stderr.flush()
