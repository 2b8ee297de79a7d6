"""Lets commands share options, and say their exit codes: functions that typer would not take as they are."""

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

from irenic.cli.exit_codes import ExitCode
from irenic.endpoints.interruption import command_interrupted


def spread(function: Callable[..., ExitCode]) -> Callable[..., None]:
    """Return a function for typer: a parameter that is a dataclass becomes one parameter for each of its fields.

    What the function returns becomes the exit code of the process.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    plain = [name for name in hints if name != "return" and not dataclasses.is_dataclass(hints[name])]
    groups = {name: hints[name] for name in hints if name != "return" and dataclasses.is_dataclass(hints[name])}
    parameters = [inspect.signature(function).parameters[name].replace(annotation=hints[name]) for name in plain]
    for group in groups.values():
        parameters += _parameters_of(group)

    @functools.wraps(function)
    def call(**given: Any) -> None:
        arguments = {name: given[name] for name in plain}
        for name, group in groups.items():
            arguments[name] = group(**{field.name: given[field.name] for field in dataclasses.fields(group)})
        with command_interrupted():
            code = function(**arguments)
        if code:
            raise typer.Exit(int(code))

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect.signature looks at
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def _parameters_of(group: Any) -> list[inspect.Parameter]:
    hints = typing.get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default_factory() if callable(field.default_factory) else field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(group)
    ]


class GroupedCommand(TyperCommand):
    """A command whose help lists options under the headings that they were given as ``rich_help_panel``."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options into the help."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            is_argument = parameter.param_type_name == "argument"
            heading = getattr(parameter, "rich_help_panel", None) or ("Arguments" if is_argument else "Options")
            headings.setdefault(heading, []).append(record)
        for heading in sorted(headings, key=lambda heading: (heading != "Arguments", heading == "Options")):
            with formatter.section(heading):
                formatter.write_dl(headings[heading])
