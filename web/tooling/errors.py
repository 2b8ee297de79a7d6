"""How a build fails: one error, with what to do next."""


class BuildError(Exception):
    """Say what happened and which step comes next.

    `log` is the end of what the failing program wrote, where there was one.
    """

    def __init__(self, message: str, *, next_step: str, log: str = "") -> None:
        super().__init__(message)
        self.next_step = next_step
        self.log = log
