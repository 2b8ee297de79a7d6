"""A preview that was saved, to be applied only while the world and the flow are what it saw."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ValidationError

from irenic.model.cmd import Cmd
from irenic.model.errors import PlanError
from irenic.model.preview import Preview, PreviewItem
from irenic.model.timestamps import Timestamp, timestamp
from irenic.model.verdict import Leftover, VerdictKind

FORMAT = 1


class PlanItem(BaseModel):
    """What a plan saw of one item."""

    item: str
    verdict: VerdictKind
    found: dict[str, Any] | None = None
    goal: dict[str, Any] | None = None


class Plan(BaseModel):
    """A saved preview.

    ``inputs`` is the digest of the inputs, secrets included, and ``code`` that of the flow's code. ``sha256`` is the
    digest of everything else, so that an edited file is noticed.
    """

    format: int = FORMAT
    flow: str
    profile: str
    cmd: Cmd = Cmd.ENSURE
    chosen: list[str] | None = None
    prune: bool = False
    inputs: str
    code: str
    saved_at: Timestamp
    items: list[PlanItem]
    leftovers: list[str] = []
    sha256: str = ""

    @classmethod
    def of(cls, preview: Preview, *, cmd: Cmd, chosen: list[str] | None, prune: bool, inputs: str, code: str) -> "Plan":
        """Return the plan that a preview amounts to."""
        plan = cls(
            flow=preview.flow,
            profile=preview.profile,
            cmd=cmd,
            chosen=chosen,
            prune=prune,
            inputs=inputs,
            code=code,
            saved_at=timestamp(),
            items=[PlanItem.model_validate(item.model_dump(include=_KEPT)) for item in preview.items],
            leftovers=_leftover_ids(preview.leftovers),
        )
        plan.sha256 = plan.digest()
        return plan

    @classmethod
    def read(cls, text: bytes) -> "Plan":
        """Return a plan from its file's content.

        :raises PlanError: if it is none, was edited, or is of a newer irenic.
        """
        try:
            plan = cls.model_validate_json(text)
        except ValidationError as error:
            raise PlanError("this is not a plan: save one with `--save`.") from error
        if plan.format != FORMAT:
            raise PlanError(f"this plan has format {plan.format}, and this irenic knows {FORMAT}: save it again.")
        if plan.sha256 != plan.digest():
            raise PlanError("this plan was edited after it was saved: save it again.")
        return plan

    def text(self) -> str:
        """Return the content of the plan's file."""
        return self.model_dump_json(indent=1) + "\n"

    def check_meant_for(self, flow: str, profile: str) -> None:
        """Check that ensure may be held to this plan.

        :raises PlanError: if it was made for something else.
        """
        if self.cmd is not Cmd.ENSURE:
            raise PlanError(f"this is a plan of {self.cmd}, not of ensure: save another one.")
        if (self.flow, self.profile) != (flow, profile):
            raise PlanError(
                f"this plan was made for {self.flow}/{self.profile}, not for {flow}/{profile}: save another one."
            )

    def digest(self) -> str:
        """Return the SHA-256 of all but the hash itself."""
        content = json.dumps(self.model_dump(mode="json", exclude={"sha256"}), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def stale(self, items: list[PreviewItem], leftovers: list[Leftover], *, inputs: str, code: str) -> dict[str, str]:
        """Return what is not as this plan saw it: a sentence by item, by ``""`` for the whole; empty where all is."""
        if code != self.code:
            return {"": "the flow's code has changed since it was saved"}
        if inputs != self.inputs:
            return {"": "the inputs are others than when it was saved"}
        changes: dict[str, str] = {}
        if _leftover_ids(leftovers) != self.leftovers:
            changes[""] = "what is left over has changed since it was saved"
        seen = {item.item: item for item in self.items}
        for item in items:
            before = seen.get(item.item)
            if before is None:
                changes[item.item] = f"{item.item} is not in it"
            elif before.found != item.found:
                changes[item.item] = f"{item.item} changed since it was saved ({_change(before.found, item.found)})"
            elif before.goal != item.goal:
                goals = _change(before.goal, item.goal)
                changes[item.item] = f"the goal of {item.item} changed since it was saved ({goals})"
            elif before.verdict is not item.verdict:
                changes[item.item] = (
                    f"{item.item} was {_word(before.verdict)} when it was saved, and is {_word(item.verdict)} now"
                )
        return changes


_KEPT = {"item", "verdict", "found", "goal"}


def _leftover_ids(leftovers: list[Leftover]) -> list[str]:
    return sorted(leftover.item for leftover in leftovers if leftover.place is None)


def _word(verdict: VerdictKind) -> str:
    return {
        VerdictKind.NOTHING: "unchanged",
        VerdictKind.LEAVE_ALONE: "left alone",
        VerdictKind.KNOWN_AFTER_APPLY: "known after apply",
        VerdictKind.CANNOT_DISCOVER: "not to be discovered",
        VerdictKind.MAKE_HERE: "to create",
    }.get(verdict, f"to {verdict.replace('_', ' ')}")


def _change(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    if before is None or after is None:
        return f"{_text(before)} -> {_text(after)}"
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(f"{name} {_text(before.get(name))} -> {_text(after.get(name))}" for name in names)


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) and value.isprintable() else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
