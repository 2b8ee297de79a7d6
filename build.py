#!/usr/bin/env python3
"""Set up, serve, test and benchmark this tree: `python3 build.py --help`.

Needs Python 3.11 or newer, Node.js with npm, and nothing else; what it makes goes to `.venv/`, `build/` and
`web/node_modules/`. Every step remembers what it was made from and is skipped while that has not changed.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - said before anything newer is imported, for whoever runs an older one
    sys.exit("build.py needs Python 3.11 or newer; run it again as `python3.11 build.py` or newer.")

from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent / "web"))

from tooling.commands import main  # noqa: E402 - found by the path set above

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
