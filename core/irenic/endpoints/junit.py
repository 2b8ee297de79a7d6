"""An outcome as JUnit XML, as CI systems read it: a test case for each item."""

import re
from xml.etree import ElementTree

from irenic.model.outcome import CmdOutcome
from irenic.model.progress import ExecutionProgress
from irenic.model.timestamps import seconds_between

_not_in_xml = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(outcome: CmdOutcome, progress: ExecutionProgress | None = None) -> str:
    """Return an outcome as JUnit XML.

    An item that failed is a failure, one of which nobody knows how it ended is an error, one that was not reached is
    skipped. What concerns the execution as a whole is a case named ``execution``.

    :param progress: the last progress, from which the items' times are taken.
    """
    suite = ElementTree.Element("testsuite")
    counts = {"failure": 0, "error": 0, "skipped": 0}
    cases = _cases(outcome)
    for name, (verdict, type, message, text) in cases.items():
        case = ElementTree.SubElement(suite, "testcase", classname=_class_name(outcome), name=name)
        case.set("time", f"{_seconds(name, progress):.3f}")
        if verdict:
            counts[verdict] += 1
            told = ElementTree.SubElement(case, verdict, message=_clean(message))
            if type:
                told.set("type", type)
            told.text = _clean(text) or None
    took = seconds_between(outcome.started_at, outcome.ended_at)
    for element in (suite, suites := ElementTree.Element("testsuites")):
        element.set("name", f"{outcome.flow}/{outcome.profile} {' '.join(_commands(outcome))}")
        element.set("tests", str(len(cases)))
        element.set("failures", str(counts["failure"]))
        element.set("errors", str(counts["error"]))
        element.set("skipped", str(counts["skipped"]))
        element.set("time", f"{took:.3f}")
    suite.set("timestamp", outcome.started_at)
    suite.set("id", outcome.execution_id)
    suites.append(suite)
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


_Case = tuple[str, str, str, str]
"""The verdict (empty where all is well), its type, its message, and its text."""


def _cases(outcome: CmdOutcome) -> dict[str, _Case]:
    cases: dict[str, _Case] = {}
    for item in [*outcome.items.done, *outcome.items.not_done, *outcome.items.unknown]:
        cases[item] = _case_of(item, outcome)
    whole = _execution_case(outcome)
    if whole is not None:
        cases["execution"] = whole
    return cases


def _case_of(item: str, outcome: CmdOutcome) -> _Case:
    error = outcome.errors.get(item)
    if error is not None:
        text = "\n".join([f"in {error.phase}: {error.message}" if error.phase else error.message, *error.causes])
        return "failure", error.type, error.message, text
    refusal = outcome.refusals.get(item)
    if refusal is not None and refusal.reason != "held":
        return "failure", refusal.reason, refusal.message, ""
    if item in outcome.items.unknown:
        return "error", "unknown", "its apply had begun and its end was not recorded", ""
    if item in outcome.items.not_done:
        return "skipped", "", "not done", ""
    return "", "", "", ""


def _execution_case(outcome: CmdOutcome) -> _Case | None:
    if outcome.kind in ("failed", "lost"):
        return "error", outcome.kind, outcome.message, ""
    if outcome.kind == "refused":
        return "failure", "refused", outcome.message, ""
    if outcome.is_interrupted and outcome.interrupt is not None:
        interrupt = outcome.interrupt
        reason = f": {interrupt.reason}" if interrupt.reason else ""
        return "skipped", "", f"stopped by {interrupt.source} at level {interrupt.level.word}{reason}", ""
    return None


def _commands(outcome: CmdOutcome) -> list[str]:
    return [*outcome.cmds.done, *outcome.cmds.not_done]


def _class_name(outcome: CmdOutcome) -> str:
    return ".".join([outcome.flow, outcome.profile, *_commands(outcome)])


def _seconds(name: str, progress: ExecutionProgress | None) -> float:
    entry = progress.items.get(name) if progress is not None else None
    return (entry.elapsed or 0.0) if entry is not None else 0.0


def _clean(text: str) -> str:
    return _not_in_xml.sub("\N{REPLACEMENT CHARACTER}", text)
