"""What can be asked of a flow, and the blocks that each command is made of."""

from irenic.model.word import Word


class Cmd(Word):
    """A command on a flow."""

    DISCOVER = "discover"
    STATUS = "status"
    GOAL = "goal"
    DIFF = "diff"
    ENSURE = "ensure"
    CLEAN = "clean"
    ADOPT = "adopt"
    STATE = "state"


class Block(Word):
    """One pass over all items, or one step for the whole flow."""

    STATES_CURRENT_READ = "states_current_read"
    STATES_GOAL_READ = "states_goal_read"
    STATES_DISCOVER = "states_discover"
    STATES_CURRENT_DISCOVER = "states_current_discover"
    STATES_GOAL_DISCOVER = "states_goal_discover"
    STATES_CLEAN_INSERT = "states_clean_insert"
    STATES_ADOPT = "states_adopt"
    STATES_EDIT = "states_edit"
    SYNC_CHECK = "sync_check"
    """Only in journals of earlier versions; it is no longer run."""
    VERDICT = "verdict"
    DIFF = "diff"
    APPLY = "apply"
    PRUNE = "prune"


class OnDrift(Word):
    """What ensure does where the world was changed outside irenic.

    ``ask`` lets the front end ask a person first; where none can be asked it is the same as ``repair``.
    """

    ASK = "ask"
    REPAIR = "repair"
    REFUSE = "refuse"


class StateSource(Word):
    """Where a command takes states from: what was stored last, or the world as it is now."""

    STORED = "stored"
    DISCOVER = "discover"


class DiscoverScope(Word):
    """Which states the discover command looks for."""

    BOTH = "both"
    CURRENT = "current"
    GOAL = "goal"


class Direction(Word):
    """The way an apply goes: towards the goal state or towards the clean state."""

    ENSURE = "ensure"
    CLEAN = "clean"


class StateKind(Word):
    """Which of an item's two states is meant."""

    CURRENT = "current"
    GOAL = "goal"
