"""Flow files: the PEP 723 header, and loading the flow that a file defines."""

import linecache
import re
import sys
import tomllib
import traceback
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from irenic.flow.flow import Flow
from irenic.flow.params import explain
from irenic.model.errors import FlowError

_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


class FlowHeader(BaseModel):
    """The header of a flow file.

    ``connect`` lists the only hosts that the tab may talk to, as sources of a Content Security Policy.
    Source: the inline script metadata specification (PEP 723).
    """

    model_config = ConfigDict(populate_by_name=True)

    requires_python: str | None = Field(None, alias="requires-python")
    dependencies: list[str] = []
    connect: list[str] = []


def read_header(source: str) -> FlowHeader:
    """Return the header of a flow file's source; an empty one where there is none.

    :raises FlowError: if there are two, or if it cannot be read.
    """
    blocks = [m for m in _BLOCK.finditer(source) if m.group("type") == "script"]
    if len(blocks) > 1:
        raise FlowError("this file has two `# /// script` blocks: keep one.")
    if not blocks:
        return FlowHeader.model_validate({})
    lines = blocks[0].group("content").splitlines(keepends=True)
    text = "".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)
    try:
        header: dict[str, Any] = tomllib.loads(text)
        tool = header.pop("tool", {}).get("irenic", {})
        return FlowHeader.model_validate({**header, **tool})
    except tomllib.TOMLDecodeError as error:
        raise FlowError(f"the `# /// script` block is not valid TOML: {error}.") from error
    except ValidationError as error:
        raise FlowError(explain(error, "the `# /// script` block is not valid")) from error


def load_flow(source: str, filename: str) -> Flow:
    """Run a flow file's source and return the flow that it defines.

    The flow is the module's variable ``flow``, or the only :class:`Flow` among its variables. The source stays readable
    for tracebacks and code hashes.

    :param filename: how the file is named in messages.
    :raises FlowError: if the file defines no flow, or more than one without naming it ``flow``, or raises.
    """
    header = read_header(source)
    name = f"irenic_flow_{re.sub(r'[^0-9A-Za-z_]', '_', filename)}"
    module = ModuleType(name)
    module.__file__ = filename
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    sys.modules[name] = module
    try:
        exec(compile(source, filename, "exec"), module.__dict__)
    except FlowError:
        raise
    except (Exception, SystemExit) as error:
        raise FlowError(
            f"{filename} could not be run: {type(error).__name__}: {error}.{_place_in(error, filename)}"
        ) from error
    flow = _flow_of(module, filename)
    flow.connect = header.connect
    flow.namespace = module.__dict__
    return flow


def _place_in(error: BaseException, filename: str) -> str:
    """Return where in a file an error passed through last, with the line as it is written there."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return f"\n  {filename}:{error.lineno}  {(error.text or '').strip()}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
    return "".join(f"\n  {filename}:{frame.lineno} in {frame.name}  {frame.line}" for frame in frames[-1:])


def _flow_of(module: ModuleType, filename: str) -> Flow:
    named = module.__dict__.get("flow")
    if isinstance(named, Flow):
        return named
    flows = [value for value in module.__dict__.values() if isinstance(value, Flow)]
    if len(flows) == 1:
        return flows[0]
    if not flows:
        raise FlowError(f'{filename} defines no flow: write `flow = Flow("name")` in it.')
    raise FlowError(f"{filename} defines {len(flows)} flows: name the one to run `flow`.")
