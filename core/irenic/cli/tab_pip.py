"""pip, looking for what a tab would install: ``python -m irenic.cli.tab_pip ENVIRONMENT ARGUMENT…``.

pip can be told the tags of another platform, but it evaluates markers (``sys_platform == "emscripten"``) for the Python
that it runs in: https://github.com/pypa/pip/issues/10050. So it is given the tab's environment before it begins.
"""

import json
import sys

from pip._internal.cli.main import main as pip
from pip._vendor.packaging import markers


def main(environment: str, *arguments: str) -> int:
    """Run pip with another environment, given as JSON, and return its exit code."""
    markers.default_environment = lambda: json.loads(environment)
    if not markers.Marker('sys_platform == "emscripten"').evaluate():
        raise RuntimeError("this pip evaluates markers in a way that irenic does not know")
    return pip(list(arguments))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
