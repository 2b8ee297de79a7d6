"""Anything that shell scripts can look at, make and remove; natively only."""

import sys

from pydantic import BaseModel, Field

from irenic.flow.context import ItemContext
from irenic.flow.item import Item, StateDiff
from irenic.flow.params import PartialParams
from irenic.model.errors import ItemFailure


class ShCommandParams(BaseModel):
    """The scripts, run by ``sh``.

    :param current: prints what exists now; that it prints nothing means that there is nothing.
    :param goal: prints what ``current`` shall print.
    :param ensure: makes it so; it finds both texts in ``IRENIC_CURRENT`` and ``IRENIC_GOAL``.
    :param clean: makes that there is nothing; None where that cannot be done.
    :param env: further environment variables.
    :param grace: seconds that a cancelled script has to end by itself before it is killed.
    """

    current: str
    goal: str
    ensure: str
    clean: str | None = None
    env: dict[str, str] = {}
    grace: float = Field(5.0, ge=0)


class ShCommandState(BaseModel):
    """What the script printed, without the white space around it; None where that was nothing."""

    text: str | None = None


class ShCommand(Item[ShCommandParams, ShCommandState]):
    """Manage a thing by shell scripts.

    A script runs in a process group of its own, so that Ctrl-C in the terminal does not reach it; a cancellation ends
    the whole group. What it writes to stderr goes to the log. An exit code other than 0 is an error.
    """

    is_local = True
    runs_in_tab = False

    async def state_current(self, cx: ItemContext, params: ShCommandParams) -> ShCommandState:
        """Return what the script ``current`` prints."""
        return _state(await _run(cx, params, "current", params.current))

    async def state_goal(self, cx: ItemContext, params: ShCommandParams) -> ShCommandState:
        """Return what the script ``goal`` prints.

        :raises ItemFailure: if that is nothing.
        """
        goal = _state(await _run(cx, params, "goal", params.goal))
        if goal.text is None:
            raise ItemFailure("the script `goal` printed nothing: it must print what `current` shall print.")
        return goal

    def state_clean(self, params_partial: PartialParams[ShCommandParams]) -> ShCommandState:
        """Return that there is nothing."""
        return ShCommandState()

    async def apply(
        self,
        cx: ItemContext,
        params: ShCommandParams,
        current: ShCommandState,
        target: ShCommandState,
        diff: StateDiff,
    ) -> ShCommandState:
        """Run the script ``ensure`` or ``clean`` and look at what it has made.

        :raises ItemFailure: also if ``current`` does not print what was wanted afterwards.
        """
        name, script = ("clean", params.clean) if target.text is None else ("ensure", params.ensure)
        if script is None:
            raise ItemFailure("it has no script `clean`: remove by hand what `current` finds, or give it one.")
        env = {"IRENIC_CURRENT": current.text or "", "IRENIC_GOAL": target.text or ""}
        await _run(cx, params, name, script, env)
        made = await self.state_current(cx, params)
        if made != target:
            raise ItemFailure(
                f"the script `{name}` ended well, but `current` prints {made.text!r} now, not {target.text!r}: "
                "one of the two is wrong."
            )
        return made


async def _run(
    cx: ItemContext, params: ShCommandParams, name: str, script: str, env: dict[str, str] | None = None
) -> str:
    if sys.platform == "emscripten":
        raise ItemFailure("a browser tab cannot run shell scripts: run this flow in a terminal.")
    from irenic.items.processes import run_script

    return await run_script(
        script,
        name=name,
        env={**params.env, **(env or {})},
        grace=params.grace,
        on_start=cx.record_child,
        on_error_line=cx.log.info,
    )


def _state(output: str) -> ShCommandState:
    return ShCommandState(text=output.strip() or None)
