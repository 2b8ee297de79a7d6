"""What writers hear who do not write by the lease that is held."""

from irenic_server.problems import Problem


def stale_fencing(given: int, current: int) -> Problem:
    """Return the problem of a writer that somebody has taken over from."""
    return Problem(
        "stale-fencing",
        f"The lease with fencing number {given} is not valid any more: the profile's is {current}. Nothing was stored. "
        "Whoever holds the lease now goes on; this execution has to stop.",
        fencing=current,
    )


def fencing_needed() -> Problem:
    """Return the problem of a writer that does not say by which lease it writes, where there is one."""
    return Problem(
        "precondition-required",
        "Somebody holds the lease of this profile. Nothing was stored. Take the lease, and send its fencing number in "
        "the header Irenic-Fencing.",
    )
