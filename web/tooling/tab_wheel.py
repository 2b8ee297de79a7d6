"""The core's wheel for the tab: without the rooms that no tab can use, and packed as tightly as deflate can.

Run in the environment as `python -m tooling.tab_wheel WHEEL TARGET`.
"""

import re
import sys
import zipfile
from pathlib import Path

import zopfli

NOT_IN_TAB = re.compile(
    r"irenic-[^/]+/licenses/|irenic/(__main__\.py|cli/"
    r"|engine/(collecting|item_threads)\.py"
    r"|endpoints/(?!__init__|otlp|recording|running_code|tab|telemetry)"
    r"|stores/(file|history)"
    r"|items/(children|disk|files_disk|http_native|place_disk|processes|threads)\.py)"
)
"""What no tab can use: the terminal, and what needs a disk; the wheel for the tab is the core's wheel without it.

The licence is beside it, with all others, at /licenses/ of the site.
"""

ITERATIONS = 5
"""How often the packer tries to do better: more take longer and save next to nothing."""


def write_tab_wheel(wheel: Path, target: Path) -> None:
    """Copy a wheel without the rooms that no tab can use; the same wheel gives the same bytes.

    Format: https://packaging.python.org/en/latest/specifications/binary-distribution-format/, but that RECORD has no
    hash of each file: the lock file has one of the whole, and hashes cannot be packed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as source, zopfli.ZipFile(target, "w", iterations=ITERATIONS) as copy:
        for member in source.infolist():
            if NOT_IN_TAB.match(member.filename):
                continue
            data = source.read(member)
            if member.filename.endswith(".dist-info/RECORD"):
                names = [line.rsplit(",", 2)[0] for line in data.decode().splitlines()]
                data = "".join(f"{name},,\n" for name in names if not NOT_IN_TAB.match(name)).encode()
            entry = zipfile.ZipInfo(member.filename, member.date_time)
            entry.external_attr = member.external_attr
            entry.compress_type = zipfile.ZIP_DEFLATED
            copy.writestr(entry, data)


if __name__ == "__main__":
    write_tab_wheel(Path(sys.argv[1]), Path(sys.argv[2]))
