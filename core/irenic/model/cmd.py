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


class Block(Word):
    """One pass over all items, or one step for the whole flow."""

    STATES_CURRENT_READ = "states_current_read"
    STATES_GOAL_READ = "states_goal_read"
    STATES_DISCOVER = "states_discover"
    STATES_CURRENT_DISCOVER = "states_current_discover"
    STATES_GOAL_DISCOVER = "states_goal_discover"
    STATES_CLEAN_INSERT = "states_clean_insert"
    SYNC_CHECK = "sync_check"
    DIFF = "diff"
    APPLY = "apply"


class SyncMode(Word):
    """How strictly stored and discovered states are compared before anything is applied."""

    NONE = "none"
    CURRENT = "current"
    GOAL = "goal"
    BOTH = "both"


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
