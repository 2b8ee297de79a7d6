"""Writes reports of an outcome into files: JUnit XML and a Markdown summary."""

import os
from collections.abc import Mapping
from pathlib import Path

from irenic.endpoints.junit import junit_xml
from irenic.endpoints.markdown import markdown_summary
from irenic.endpoints.outcome_text import CommandLine
from irenic.engine.endpoint import ExecutionView
from irenic.model.outcome import CmdOutcome


class ReportEndpoint:
    """Writes reports when an execution ends.

    A summary is also appended to the file that GitHub shows on the page of a run, where there is one.

    :param junit: where JUnit XML goes.
    :param summary: where a Markdown summary goes.
    :param command_line: lets the summary name the next command.
    :param environment: where ``GITHUB_STEP_SUMMARY`` is looked up.
    """

    def __init__(
        self,
        *,
        junit: str | Path | None = None,
        summary: str | Path | None = None,
        command_line: CommandLine | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._junit = None if junit is None else Path(junit)
        self._summary = None if summary is None else Path(summary)
        self._command_line = command_line
        step_summary = environment.get("GITHUB_STEP_SUMMARY")
        self._step_summary = Path(step_summary) if step_summary else None

    async def on_outcome(self, execution: ExecutionView, outcome: CmdOutcome) -> None:
        """See :class:`irenic.engine.endpoint.OutputEndpoint`."""
        progress = execution.progress
        if self._junit is not None:
            _write(self._junit, junit_xml(outcome, progress))
        if self._summary is None and self._step_summary is None:
            return
        text = markdown_summary(outcome, progress, self._command_line)
        if self._summary is not None:
            _write(self._summary, text)
        if self._step_summary is not None:
            with self._step_summary.open("a", encoding="utf-8") as file:
                file.write(text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
