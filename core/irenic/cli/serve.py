"""``irenic serve``."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from irenic.cli.exit_codes import ExitCode
from irenic.cli.server import DEFAULT_DATABASE, DatabaseOption, make_place_for, server_program
from irenic.cli.site_options import DEFAULT_SITE, MANIFEST, RefreshOption, SiteOption, tell
from irenic.model.errors import ParamsError


def serve(
    flows: Annotated[
        list[Path] | None,
        typer.Argument(help="Flow files, or a folder with some.", metavar="[FLOW.py|DIR]", show_default=False),
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Also let clients run these flows on this server.")] = False,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="The port; a free one where it is taken.", metavar="PORT", min=0, max=65535)
    ] = 8000,
    strict_port: Annotated[bool, typer.Option("--strict-port", help="End where the port is taken.")] = False,
    token: Annotated[
        str | None,
        typer.Option("--token", help="The token; a new one where omitted.", metavar="TOKEN", envvar="IRENIC_TOKEN"),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    site: SiteOption = Path(DEFAULT_SITE),
    refresh: RefreshOption = False,
    origin_per_flow: Annotated[
        bool,
        typer.Option("--origin-per-flow", help="Give each flow a host, and so cookie and files, of its own."),
    ] = False,
    origin_name: Annotated[
        str | None,
        typer.Option("--origin-name", help="The same, below this name instead of localhost.", metavar="NAME"),
    ] = None,
    no_page: Annotated[bool, typer.Option("--no-page", help="Serve the API alone, without a built site.")] = False,
    open: Annotated[bool, typer.Option("--open", help="Open the address in a browser.")] = False,
) -> ExitCode:
    """Serve the page with these flows, and the store that it and terminals share.

    With --run flows run on the server too, by its web API. Ctrl-C asks what runs here to stop and waits for it.

    Packages that a flow's header asks for are fetched once and served from here.
    """
    from irenic.cli.flow_wheels import FlowWheels
    from irenic.cli.site import flow_files, make_site, wheel_cache
    from irenic.endpoints.process_signals import ended_by_sigterm

    server = server_program("main")
    files = flow_files(flows or [])
    make_place_for(database)
    arguments = ["--host", host, "--port", str(port), "--database", database]
    arguments += ["--strict-port"] if strict_port else []
    arguments += [f"--token={token}"] if token else []  # which may begin with a dash
    arguments += ["--open"] if open else []
    arguments += ["--origin-per-flow"] if origin_per_flow else []
    arguments += ["--origin-name", origin_name] if origin_name else []
    arguments += [part for file in files for part in ("--run", str(file))] if run else []
    if no_page:
        return ExitCode(server(arguments))
    if not (site / MANIFEST).is_file():
        raise ParamsError(
            f"there is no built site in {site}. Build it (`python3 build.py setup` in irenic's own folder makes "
            "build/site), or name one by --site; --no-page serves the API alone."
        )
    with tempfile.TemporaryDirectory(prefix="irenic-site-") as folder, ended_by_sigterm():
        served = site
        if files:
            served = Path(folder) / "site"
            wheels = FlowWheels(wheel_cache(), tell, refresh=refresh)
            for problem in make_site(site, served, files, wheels, whole=False, linked=True):
                tell(problem)
        return ExitCode(server([*arguments, "--site", str(served)]))
