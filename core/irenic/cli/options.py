"""Options that several commands share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from irenic.cli.completion import complete_items, complete_profile
from irenic.cli.progress import ProgressChoice
from irenic.cli.telemetry import ENDPOINT
from irenic.endpoints.formats import Format
from irenic.endpoints.log_level import LOG_LEVELS, LogLevel
from irenic.endpoints.terminal import Choice
from irenic.guards import ErrorBudget, Failsafe, RateGuard
from irenic.model.cmd import OnDrift
from irenic.model.errors import IrenicError, ParamsError

WHAT = "What to run"
STOP = "How it stops"
SHOW = "What is shown"

FlowFile = Annotated[
    Path,
    typer.Argument(help="The file that defines the flow.", metavar="FLOW.py", show_default=False, path_type=Path),
]

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        help="Where journals and states are kept: a folder, or a server's URL with its token.",
        metavar="PATH|URL",
        envvar="IRENIC_STORE",
        rich_help_panel=WHAT,
    ),
]
TokenOption = Annotated[
    str,
    typer.Option(
        "--token",
        help="The server's token, where the URL does not hold it.",
        metavar="TOKEN",
        envvar="IRENIC_TOKEN",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
FormatOption = Annotated[
    Format,
    typer.Option("--format", "-f", help="How the result is written to standard output.", rich_help_panel=SHOW),
]
ColorOption = Annotated[
    Choice, typer.Option("--color", help="Whether to use colours; auto obeys NO_COLOR.", rich_help_panel=SHOW)
]

ProfileOption = Annotated[
    str,
    typer.Option(
        "--profile",
        "-p",
        help="The profile: a namespace for inputs and states.",
        metavar="NAME",
        autocompletion=complete_profile,
        rich_help_panel=WHAT,
    ),
]
InputOption = Annotated[
    list[str],
    typer.Option(
        "--input",
        "-i",
        help="An input of the flow, may be repeated; JSON where it is not plain text, null to forget it. "
        "Inputs are also read from IRENIC_INPUT_NAME.",
        metavar="NAME=VALUE",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
TakeOverOption = Annotated[
    bool, typer.Option("--take-over", help="Take the profile from an execution that holds it.", rich_help_panel=WHAT)
]

DEFAULT_STORE = ".irenic"


@dataclass
class StoreOptions:
    """Which store."""

    store: StoreOption = DEFAULT_STORE
    token: TokenOption = ""


@dataclass
class WhatOptions:
    """Which part of a flow, with which inputs."""

    profile: ProfileOption = "default"
    input: InputOption = field(default_factory=list)
    item: Annotated[
        list[str],
        typer.Option(
            "--item",
            help="Only this item, may be repeated.",
            metavar="ID",
            autocompletion=complete_items,
            show_default=False,
            rich_help_panel=WHAT,
        ),
    ] = field(default_factory=list)
    with_dependencies: Annotated[
        bool,
        typer.Option("--with-dependencies", help="And whatever those items depend on.", rich_help_panel=WHAT),
    ] = False
    max_concurrency: Annotated[
        int,
        typer.Option("--max-concurrency", min=1, help="How many items run at once.", metavar="N", rich_help_panel=WHAT),
    ] = 64
    store: StoreOption = DEFAULT_STORE
    token: TokenOption = ""


@dataclass
class ShowOptions:
    """What is shown of a run."""

    format: FormatOption = Format.TEXT
    progress: Annotated[
        ProgressChoice,
        typer.Option(
            "--progress",
            help="Live bars, lines that are only ever added, or nothing; auto takes bars in a terminal, and lines "
            "where there is none or CI is set.",
            rich_help_panel=SHOW,
        ),
    ] = ProgressChoice.AUTO
    color: ColorOption = Choice.AUTO
    log_level: Annotated[
        str,
        typer.Option(
            "--log-level",
            help="The least level of the items' log that is shown.",
            metavar="|".join(LOG_LEVELS),
            rich_help_panel=SHOW,
        ),
    ] = "info"
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show errors with all their frames.", rich_help_panel=SHOW)
    ] = False
    junit: Annotated[
        Path | None,
        typer.Option("--junit", help="Also write JUnit XML to this file.", metavar="FILE", rich_help_panel=SHOW),
    ] = None
    summary: Annotated[
        Path | None,
        typer.Option(
            "--summary", help="Also write a Markdown summary to this file.", metavar="FILE", rich_help_panel=SHOW
        ),
    ] = None
    telemetry: Annotated[
        str,
        typer.Option(
            "--telemetry",
            help="Also tell this OpenTelemetry collector (OTLP/HTTP with JSON) how the run goes; "
            "DO_NOT_TRACK=1 keeps it off.",
            metavar="URL",
            envvar=ENDPOINT,
            show_default=False,
            rich_help_panel=SHOW,
        ),
    ] = ""

    @property
    def least_log_level(self) -> LogLevel:
        """The log level.

        :raises ParamsError: if there is none of that name.
        """
        for level in LOG_LEVELS:
            if level == self.log_level:
                return level
        raise ParamsError(f"there is no log level {self.log_level!r}: use {', '.join(LOG_LEVELS)}.")


@dataclass
class StopOptions:
    """How a run is stopped."""

    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            help="What a first interrupt does: let running items finish, cancel them, or be ignored.",
            metavar="finish|cancel|ignore",
            rich_help_panel=STOP,
        ),
    ] = "finish"
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            min=0.0,
            help="Seconds after SIGTERM until running items are cancelled; after as many again they are abandoned.",
            metavar="SECONDS",
            rich_help_panel=STOP,
        ),
    ] = 10.0
    deadline: Annotated[
        float | None,
        typer.Option("--deadline", help="Interrupt after so many seconds.", metavar="SECONDS", rich_help_panel=STOP),
    ] = None
    escalate_after: Annotated[
        float | None,
        typer.Option(
            "--escalate-after",
            help="Raise a stop to the next level when it has not settled after so many seconds.",
            metavar="SECONDS",
            rich_help_panel=STOP,
        ),
    ] = None
    error_budget: Annotated[
        int | None,
        typer.Option(
            "--error-budget", help="Interrupt when more items than this fail.", metavar="N", rich_help_panel=STOP
        ),
    ] = None
    max_rate: Annotated[
        str | None,
        typer.Option(
            "--max-rate",
            help="Interrupt when more than N applies begin within so many seconds, e.g. 100/60.",
            metavar="N/SECONDS",
            rich_help_panel=STOP,
        ),
    ] = None
    failsafe: Annotated[
        list[str],
        typer.Option(
            "--failsafe",
            help="Interrupt when this file appears, or this address answers `pause`; may be repeated.",
            metavar="PATH|URL",
            envvar="IRENIC_FAILSAFE",
            show_default=False,
            rich_help_panel=STOP,
        ),
    ] = field(default_factory=list)

    def guards(self) -> tuple[Any, ...]:
        """Return the guards that were asked for.

        :raises ParamsError: if one makes no sense.
        """
        guards: list[Any] = [Failsafe(switch) for switch in self.failsafe]
        if self.error_budget is not None:
            guards.append(ErrorBudget(self.error_budget))
        if self.max_rate is not None:
            guards.append(_rate_guard(self.max_rate))
        return tuple(guards)


def _rate_guard(text: str) -> RateGuard:
    number, _, seconds = text.partition("/")
    try:
        return RateGuard(int(number), per=float(seconds or 60))
    except (ValueError, IrenicError):
        raise ParamsError(f"--max-rate {text} is not a rate: write a number and seconds, like 100/60.") from None


@dataclass
class ApplyOptions:
    """How items are applied."""

    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done, and change nothing.", rich_help_panel=WHAT),
    ] = False
    take_over: TakeOverOption = False


@dataclass
class DayTwoOptions:
    """What ensure does where the world, the flow or the place has changed."""

    on_drift: Annotated[
        OnDrift,
        typer.Option(
            "--on-drift",
            help="Where the world was changed outside irenic: ask (where nobody can be asked, repair), bring it back, "
            "or refuse.",
            rich_help_panel=WHAT,
        ),
    ] = OnDrift.ASK
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Also remove what the flow no longer names.", rich_help_panel=WHAT),
    ] = False
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            help="A plan saved by `irenic preview --save`; refuse where anything is not as it saw it.",
            metavar="FILE",
            rich_help_panel=WHAT,
        ),
    ] = None


YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it goes on.", rich_help_panel=WHAT)]

DiscoverOption = Annotated[
    bool,
    typer.Option("--discover", help="Look at the world as it is now, not at what was stored.", rich_help_panel=WHAT),
]
