"""What the page's modules import from ``typing`` at run time, for MicroPython, which has no such module."""

TYPE_CHECKING = False
Any = None
