"""Runs a request from the command line: a store, an endpoint that fits the place, and an exit code."""

import asyncio
import contextlib
import os
import shlex
import sys
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from irenic.cli.exit_codes import ExitCode, exit_code_of, has_differences
from irenic.cli.flows import load_flow_file, remember_flow_file
from irenic.cli.inputs import asked_secrets, parse_inputs
from irenic.cli.options import DEFAULT_STORE, ApplyOptions, ShowOptions, StopOptions, WhatOptions
from irenic.cli.progress import ProgressChoice, chosen_progress
from irenic.cli.questions import answered, is_asked_here
from irenic.cli.standard_output import own_stdout
from irenic.cli.stores import is_address, open_store
from irenic.cli.telemetry import telemetry_endpoints
from irenic.endpoints.ci import CiEndpoint
from irenic.endpoints.cli import CliEndpoint
from irenic.endpoints.outcome_text import CommandLine
from irenic.endpoints.preview_text import preview_text, question_text
from irenic.endpoints.printed_lines import masked_output
from irenic.endpoints.reports import ReportEndpoint
from irenic.endpoints.terminal import Ink, has_icons, wants_colour
from irenic.engine.execution_map import CmdExecutionMap
from irenic.engine.request import CmdExecRequest
from irenic.engine.resumption import request_again
from irenic.engine.store import Store
from irenic.flow.params import explain
from irenic.flow.secret_mask import SecretMask
from irenic.guards import restored_guards
from irenic.model.cmd import Cmd, OnDrift
from irenic.model.errors import ParamsError
from irenic.model.interrupt import InterruptLevel
from irenic.model.outcome import CmdOutcome
from irenic.model.plan import Plan
from irenic.model.preview import Preview
from irenic.model.record import ExecutionRecord
from irenic.model.server_address import without_token

LEAVE_WITHIN = 1.0
"""Seconds that a run which was abandoned may take to show its outcome."""


class FlowRunner:
    """Runs commands on one flow's file as options say.

    Where the outcome is for a program, nothing else gets to standard output: what the flow's code, and the processes
    that it starts, print goes to standard error.

    :raises IrenicError: if the file defines no flow that can be used.
    """

    def __init__(self, path: Path, what: WhatOptions, stop: StopOptions, show: ShowOptions) -> None:
        self._path = path
        self._what = what
        self._stop = stop
        self._show = show
        self.plan_file = Path("plan.json")
        self.repeated: list[str] = []
        """Options of the command that a further one needs too."""
        self._stdout = sys.stdout
        self._secrets = SecretMask()
        with self._own_stdout():
            self.flow = load_flow_file(path)

    def request(
        self,
        cmds: Sequence[Cmd],
        apply: ApplyOptions | None = None,
        items: Sequence[str] | None = None,
        **more: Any,
    ) -> CmdExecRequest:
        """Return what the options ask for.

        :param items: the items to be run where the options name none.
        :raises ParamsError: if the options make no sense.
        """
        what, stop, apply = self._what, self._stop, apply or ApplyOptions()
        try:
            return CmdExecRequest(
                flow=self.flow,
                profile=what.profile,
                cmds=list(cmds),
                inputs=parse_inputs(self.flow, what.input),
                items=self.flow.select(what.item) if what.item else items,
                with_dependencies=what.with_dependencies,
                max_concurrency=what.max_concurrency,
                dry_run=apply.dry_run,
                take_over=apply.take_over,
                strategy=stop.strategy,
                deadline=stop.deadline,
                escalate_after=stop.escalate_after,
                guards=stop.guards(),
                **more,
            )
        except ValidationError as error:
            raise ParamsError(explain(error, "the options are not valid")) from error

    def request_again(self, record: ExecutionRecord, outcome: CmdOutcome | None, *, take_over: bool) -> CmdExecRequest:
        """Return the request that goes on with an execution, whole.

        :raises ParamsError: if it was one of another flow.
        """
        if record.flow != self.flow.id:
            raise ParamsError(f"{self._path} defines the flow {self.flow.id}, but {record.id} ran {record.flow}.")
        described = [] if record.request is None else record.request.guards
        guards, unknown = restored_guards(described)
        for kind in unknown:
            sys.stderr.write(f"irenic: the guard {kind} of {record.id} cannot be made again; it does not watch this.\n")
        return request_again(
            self.flow,
            record,
            outcome,
            inputs=parse_inputs(self.flow, self._what.input),
            guards=guards,
            take_over=take_over,
        )

    def run(self, request: CmdExecRequest, *, differences: bool = False) -> ExitCode:
        """Run a request to its outcome, which is shown, and return the exit code.

        :param differences: whether a diff that shows any has an exit code of its own.
        :raises IrenicError: if inputs are not valid, or the store cannot be used.
        """
        with self._own_stdout():
            return asyncio.run(self._run(request, differences))

    def run_asked(self, request: CmdExecRequest, *, yes: bool) -> ExitCode:
        """Run a request like :meth:`run`, after a person was asked where there is something to decide.

        :param yes: whether to go on without asking.
        """
        asks = request.on_drift is OnDrift.ASK and request.plan is None and not request.dry_run and not yes
        if asks and is_asked_here():
            known, found = self._stored_preview(request)
            if known and found is not None and found.is_noteworthy and not self._agreed(request, found):
                sys.stderr.write("irenic: nothing was started.\n")
                return ExitCode.INTERRUPTED
        return self.run(request)

    def _stored_preview(self, request: CmdExecRequest) -> tuple[bool, Preview | None]:
        """Return whether anything is stored of the profile, and then what the request would do."""
        with self._own_stdout():
            return asyncio.run(self._look(request))

    async def _look(self, request: CmdExecRequest) -> tuple[bool, Preview | None]:
        store = open_store(self._what.store, self._what.token)
        try:
            if not (await store.states(self.flow.id, request.profile)).items:
                return False, None
            request = await self._with_inputs(request, store)
            async with CmdExecutionMap(store) as executions:
                with masked_output(self._secrets):
                    return True, await executions.preview(request)
        finally:
            await store.close()

    def _agreed(self, request: CmdExecRequest, found: Preview) -> bool:
        ink = Ink(wants_colour(self._show.color, sys.stderr))
        cleans = Cmd.CLEAN in request.cmds
        sys.stderr.write(question_text(found, ink, prune=request.prune, cleans=cleans))
        while True:
            answer = answered("Go on? [Y/n/details] ")
            if answer not in ("d", "details"):
                return answer in ("", "y", "yes")
            sys.stderr.write(preview_text(found, ink, icons=has_icons(sys.stderr)))

    def preview(self, request: CmdExecRequest) -> Preview:
        """Return what a request would do, item by item.

        :raises IrenicError: if inputs are not valid, or the store cannot be used.
        """
        return self.plan(request)[0]

    def plan(self, request: CmdExecRequest) -> tuple[Preview, Plan]:
        """Return what a request would do, and the plan that holds it to that.

        :raises IrenicError: if inputs are not valid, or the store cannot be used.
        """
        with self._own_stdout():
            return asyncio.run(self._plan(request))

    async def _plan(self, request: CmdExecRequest) -> tuple[Preview, Plan]:
        store = open_store(self._what.store, self._what.token)
        try:
            request = await self._with_inputs(request, store)
            async with CmdExecutionMap(store) as executions:
                with masked_output(self._secrets):
                    return await executions.plan(request)
        finally:
            await store.close()

    async def _run(self, request: CmdExecRequest, differences: bool) -> ExitCode:
        store = open_store(self._what.store, self._what.token)
        try:
            request = await self._with_inputs(request, store)
            with masked_output(self._secrets):
                outcome = await self._observed(request, store)
            if request.is_recorded and not is_address(self._what.store):
                remember_flow_file(self._what.store, self.flow, self._path)
            if differences and outcome.is_complete and has_differences(outcome):
                return ExitCode.DIFFERENCES
            return exit_code_of(outcome)
        finally:
            await store.close()

    async def _with_inputs(self, request: CmdExecRequest, store: Store) -> CmdExecRequest:
        if request.cmds == [Cmd.STATE]:
            return request
        stored = await store.inputs(self.flow.id, request.profile)
        secrets = asked_secrets(self.flow, {**stored, **request.inputs})
        self._secrets.learn(self.flow.merge_inputs(stored, {**request.inputs, **secrets}))
        return request.model_copy(update={"inputs": {**request.inputs, **secrets}}) if secrets else request

    async def _observed(self, request: CmdExecRequest, store: Store) -> CmdOutcome:
        endpoint, *others = self._endpoints()
        telemetry = telemetry_endpoints(self._show.telemetry)
        async with CmdExecutionMap(store, [endpoint, *others, *telemetry]) as executions:
            execution = executions.submit(request)
            try:
                outcome = await execution
            except asyncio.CancelledError:  # Ctrl-C in the moment before the endpoint listened
                execution.interrupt(source="sigint")
                raise
            if outcome.interrupt is not None and outcome.interrupt.level is InterruptLevel.ABANDON:
                await _briefly(execution.fanout.close(), store.close())
                endpoint.leave(LEAVE_WITHIN)
                os._exit(exit_code_of(outcome))
        return outcome

    def _endpoints(self) -> list[Any]:
        show, command_line = self._show, self.command_line
        common: dict[str, Any] = {
            "format": show.format,
            "color": show.color,
            "grace": self._stop.grace,
            "log_level": show.least_log_level,
            "command_line": command_line,
            "traceback": show.traceback,
            "stdout": self._stdout,
        }
        progress = chosen_progress(show.progress)
        if progress is ProgressChoice.BARS:
            return [
                CliEndpoint(**common),
                ReportEndpoint(junit=show.junit, summary=show.summary, command_line=command_line),
            ]
        lines = progress is ProgressChoice.LINES
        return [CiEndpoint(**common, lines=lines, junit=show.junit, summary=show.summary)]

    @property
    def command_line(self) -> CommandLine:
        """What was typed, as far as the next command needs it too."""
        what = self._what
        options: list[str] = []
        if what.store != DEFAULT_STORE and "IRENIC_STORE" not in os.environ:
            options += ["--store", without_token(what.store)[0] if is_address(what.store) else what.store]
        chosen = [word for item in what.item for word in ("--item", item)]
        chosen += ["--with-dependencies"] if what.with_dependencies else []
        return CommandLine(
            flow=shlex.quote(str(self._path)),
            options=shlex.join(options),
            profile=what.profile,
            chosen=shlex.join(chosen),
            plan=shlex.quote(str(self.plan_file)),
            repeated=self._repeated(),
        )

    def _repeated(self) -> str | None:
        """Return what the same command needs again; None where that holds a secret."""
        words = list(self.repeated)
        fields = self.flow.inputs_model.model_fields if self.flow.inputs_model is not None else {}
        for given in self._what.input:
            name = given.partition("=")[0]
            if name in fields and "Secret" in str(fields[name].annotation):
                return None
            words += ["--input", given]
        return shlex.join(words)

    @contextlib.contextmanager
    def _own_stdout(self) -> Iterator[None]:
        if not self._show.format.is_for_programs:
            yield
            return
        with own_stdout() as self._stdout, contextlib.redirect_stdout(sys.stderr):
            yield


async def _briefly(*last: Coroutine[Any, Any, None]) -> None:
    """Give what comes last a moment; what was abandoned may hold everything else up for ever."""
    await asyncio.wait([asyncio.ensure_future(work) for work in last], timeout=LEAVE_WITHIN)
