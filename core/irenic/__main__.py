"""``python -m irenic``."""

from irenic.cli import main

main()
