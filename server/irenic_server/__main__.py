"""``python -m irenic_server``: start the server."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from irenic.cli import NOT_ON_WINDOWS
from irenic.model.errors import IrenicError
from irenic_server.logs import configure_logs
from irenic_server.serve import serve
from irenic_server.settings import DAY_MS, Settings

_DURATIONS = {"h": DAY_MS // 24, "d": DAY_MS, "w": 7 * DAY_MS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server as the arguments say, and return the exit code."""
    options = _parser().parse_args(arguments)
    if sys.platform == "win32":
        sys.stderr.write(f"irenic_server: {NOT_ON_WINDOWS}\n")
        return 4
    configure_logs(as_json=options.log_format == "json", level=options.log_level)
    try:
        serve(_settings(options), announce=_announce, open_browser=options.open)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            name = "-".join(str(part) for part in found["loc"]).replace("_", "-")
            sys.stderr.write(f"irenic_server: --{name}: {found['msg'].removeprefix('Value error, ')}\n")
        return 2
    except IrenicError as error:
        sys.stderr.write(f"irenic_server: {error}\n")
        return 4
    return 0


def _announce(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _settings(options: argparse.Namespace) -> Settings:
    named: dict[str, Any] = {
        "site": options.site,
        "database": options.database or os.environ.get("IRENIC_DATABASE_URL"),
        "host": options.host,
        "port": options.port,
        "strict_port": options.strict_port,
        "token": options.token if options.token is not None else os.environ.get("IRENIC_TOKEN"),
        "allowed_hosts": tuple(options.allowed_host),
        "prefix": options.prefix,
        "origin_name": options.origin_name or ("localhost" if options.origin_per_flow else None),
        "trusted_proxies": tuple(options.trusted_proxy),
        "tls_certificate": options.tls_certificate,
        "tls_key": options.tls_key,
        "run": tuple(options.run),
        "telemetry": False if options.no_telemetry else None,
        "keep_ms": options.keep,
        "pins": tuple(options.pin),
    }
    given = {name: value for name, value in named.items() if value is not None}
    limits = {} if options.rate is None else {"limits": {"rate": options.rate}}
    return Settings(**given, **limits)


def keep_ms(text: str) -> int:
    """Return the milliseconds that a text like 90d, 12h or 2w means."""
    match = re.fullmatch(r"(\d{1,6})([hdw])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: use hours, days or weeks, like 12h, 90d or 2w")
    return int(match[1]) * _DURATIONS[match[2]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m irenic_server", description="Serve the page and its store.")
    add = parser.add_argument
    add("--site", type=Path, help="folder of the built site")
    add("--database", help="a path for SQLite, or postgresql://…; default: $IRENIC_DATABASE_URL, or irenic.sqlite3")
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=int, default=8000, help="port to listen on; a free one where it is taken (default: 8000)")
    add("--strict-port", action="store_true", help="end where the port is taken")
    add("--token", help="the token; default: $IRENIC_TOKEN, or a new one at each start")
    add("--open", action="store_true", help="open the address in a browser")
    add("--allowed-host", action="append", default=[], metavar="NAME", help="a further name of this server")
    add("--prefix", help="path under which a proxy serves this server")
    add("--origin-per-flow", action="store_true", help="give each flow a host, and so cookie and files, of its own")
    add("--origin-name", metavar="NAME", help="the same, below this name instead of localhost")
    add("--trusted-proxy", action="append", default=[], metavar="IP", help="believe X-Forwarded headers from here")
    add("--tls-certificate", type=Path, metavar="PEM", help="serve HTTPS with this certificate")
    add("--tls-key", type=Path, metavar="PEM", help="the certificate's key")
    add("--keep", type=keep_ms, metavar="AGE", help="delete executions that ended longer ago, e.g. 90d")
    add("--pin", action="append", default=[], metavar="FLOW/PROFILE", help="keep the executions of a profile for ever")
    add("--rate", type=float, help="API requests per second and token; 0 for no limit (default: 2000)")
    add("--run", action="append", default=[], type=Path, metavar="FLOW.py|DIR", help="let clients run these flows here")
    add("--no-telemetry", action="store_true", help="take no OpenTelemetry of runs")
    add("--log-format", choices=("text", "json"), default="text")
    add("--log-level", choices=("debug", "info", "warning", "error"), default="warning")
    return parser


if __name__ == "__main__":
    sys.exit(main())
