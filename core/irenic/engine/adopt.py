"""Taking what exists already into the store, as if irenic had made it."""

from irenic.engine.cmd_run import CmdRun, is_interrupt
from irenic.engine.item_run import ItemRun
from irenic.engine.verdict import dump
from irenic.flow.generated import states_equal
from irenic.model.cmd import StateKind
from irenic.model.errors import ItemFailure
from irenic.model.events import ItemState
from irenic.model.progress import ProgressStatus


class Adoption:
    """Visits items to adopt what is there."""

    def __init__(self, cmd_run: CmdRun) -> None:
        self._cmd_run = cmd_run

    async def visit(self, run: ItemRun) -> bool:
        """Adopt one item; one that finds nothing, or is not known, fails."""
        cmd_run = self._cmd_run
        cmd_run.recorder.fold.items[run.item_id].status = ProgressStatus.RUNNING
        try:
            await self._adopt(run)
        except BaseException as error:
            if is_interrupt(run, error):
                cmd_run.note_error_of_cancel(run, error, "adopt")
                cmd_run.item_left(run, "cancelled while it was being adopted")
            else:
                cmd_run.item_failed(run, error, "adopt")
        return True

    async def _adopt(self, run: ItemRun) -> None:
        cmd_run = self._cmd_run
        partial = run.resolve(cmd_run.current, inputs=cmd_run.inputs)
        params = partial.whole()
        if params is None:
            missing = ", ".join(sorted(partial.missing))
            raise ItemFailure(f"its params are not known yet ({missing}): adopt or ensure what they refer to first.")
        state = await run.call(run.item.adopt, run.cx, params)
        if state is None or states_equal(state, run.item.state_clean(partial)):
            raise ItemFailure("there is nothing to adopt: `irenic ensure` creates it.")
        cmd_run.current[run.item_id] = run.checked(state, "adopt")
        if run.is_local:
            await cmd_run.mark_place()
        cmd_run.keep_former(run)
        cmd_run.recorder.emit(
            ItemState,
            item=run.item_id,
            which=StateKind.CURRENT,
            state=dump(state),
            stored=True,
            adopted=True,
            about=run.about(params),
            place=cmd_run.place_of(run),
        )
