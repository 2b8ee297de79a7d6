"""Where things are: every path of the tree and of the output that the build names."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CORE = ROOT / "core"
SERVER = ROOT / "server"
WEB = ROOT / "web"
REQUIREMENTS = ROOT / ".requirements"

VENV = ROOT / ".venv"
VENV_BIN = VENV / ("Scripts" if sys.platform == "win32" else "bin")
VENV_PYTHON = VENV_BIN / "python"

BUILD = ROOT / "build"
CACHE = BUILD / "cache"
EXPORTS = BUILD / "exports"
BOOT_FILES = BUILD / "boot"
FLOW_WHEELS = BUILD / "flow-wheels"
LIGHTHOUSE = BUILD / "lighthouse"
LOGS = BUILD / "logs"
PAGE = BUILD / "page"
PEER_VENV = BUILD / "peer-venv"
PEER_WHEELS = BUILD / "peer-wheels"
SCRIPT_SOURCES = BUILD / "script-sources"
SCRIPTS = BUILD / "scripts"
SITE = BUILD / "site"
STAMPS = BUILD / "stamps"
TAB_WHEELS = BUILD / "tab-wheels"
WHEELS = BUILD / "wheels"
BROWSER_FILE = BUILD / "browser.json"

NODE_MODULES = WEB / "node_modules"

VENV_STAMPS = VENV / "stamps"
"""Stamps of what is installed lie with it, so that deleting the environment forgets them too."""


def shown(path: Path) -> str:
    """Write a path as a person would name it: relative to the tree where it is inside."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
