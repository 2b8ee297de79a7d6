"""Pyodide's scripts as the worker's file has them: read once, and with most of WebAssembly's exports bound late.

WebAssembly exports 8,560 names. Emscripten's script binds 4,866 of them to variables, copies all into three objects,
and puts every function among them into the table, for extension modules that may ask for any. Here what the script
itself uses, 117 of them, is bound as before; the rest is looked up in the exports when somebody asks for it, and gets
its place in the table then. That spares a start 460 KB of script and some 50 ms.
"""

import re
from pathlib import Path

from tooling.errors import BuildError

HEAD = "async function _createPyodideModule(moduleArg={}){"
END = "}export default _createPyodideModule;"

BINDINGS = "function assignWasmExports(wasmExports){"
AFTER_BINDINGS = "}var wasmImports={"
BINDING = re.compile(r'(_[\w$]+)=Module\["\1"\]=wasmExports\["[\w$]+"\](?:\.value>>>0)?')
USED = re.compile(r"(?<![\w$.])_[\w$]+")

BOUND_LATE = Path(__file__).with_name("late_bindings.js")
"""What takes the place of copying."""

IS_CLASSIC = 'try{return globalThis.importScripts("data:text/javascript,"),!0}catch{return!1}'
"""How Pyodide's small script finds out whether its worker is a classic one."""

CHANGES = {
    'mergeLibSymbols(wasmExports,"main");': "bindSymbols(wasmExports);",
    "wasmExports=Object.assign({},wasmExports);": "wasmExports=overlaid(wasmExports);",
    "assignWasmExports(wasmExports);updateGOT(origExports);": (
        "assignWasmExports(wasmExports);bindModule(wasmExports);placeImported(origExports);"
    ),
    "var rtn=GOT[symName];": "var rtn=entryOf(symName);",
    "var existingEntry=GOT[symName]&&": "var existingEntry=entryOf(symName)&&",
    "Object.keys(lib.exports).indexOf(symbol)": "namesOf(lib.exports).indexOf(symbol)",
}


def read_once(script: str) -> str:
    """Make Pyodide's script one function expression in parentheses.

    V8 reads such a function at once. A declaration it skims first, all of it, and reads when it is called:
    https://v8.dev/blog/preparser#pife.

    :raises BuildError: if the script is not the one that this was written for.
    """
    if not script.startswith(HEAD):
        raise _other_script(HEAD)
    head = HEAD.replace("async function _createPyodideModule", "const _createPyodideModule=(async function")
    return head + _changed(script.removeprefix(HEAD), END, f"}});{END[1:]}")


def for_module_worker(script: str) -> str:
    """Tell Pyodide's small script that its worker is a module, as ours is, instead of having it try.

    What it tries throws while the file that it is in is evaluated, and to say where, V8 reads all of that once more.

    :raises BuildError: if the script is not the one that this was written for.
    """
    return _changed(script, IS_CLASSIC, "return!1")


def bound_late(script: str) -> str:
    """Have the script bind only the exports that it uses itself, and look up the rest when somebody asks.

    :raises BuildError: if the script is not the one that this was written for.
    """
    for old, new in CHANGES.items():
        script = _changed(script, old, new)
    before, found, after = script.partition(BINDINGS)
    bindings, closed, after = after.partition(AFTER_BINDINGS)
    names = before.rpartition(";var ")[2]
    if not (found and closed and re.fullmatch(r"[\w$,]+;", names)):
        raise _other_script(BINDINGS)
    before = before.removesuffix(names)
    used = set(USED.findall(before)) | set(USED.findall(after))

    def is_kept(binding: str) -> bool:
        bound = BINDING.fullmatch(binding)
        return bound is None or bound[1] in used

    kept = [binding for binding in bindings.split(";") if is_kept(binding)]
    assigned = {binding.partition("=")[0] for binding in kept}
    bound = [name for name in names[:-1].split(",") if name in assigned or not name.startswith("_")]
    before = _changed(before, HEAD, HEAD + BOUND_LATE.read_text("utf-8"))
    return f"{before}{','.join(bound)};{found}{';'.join(kept)}{closed}{after}"


def _changed(script: str, old: str, new: str) -> str:
    if script.count(old) != 1:
        raise _other_script(old)
    return script.replace(old, new)


def _other_script(where: str) -> BuildError:
    return BuildError(
        f"Pyodide's script does not look as it did: {where}", next_step="Mend web/tooling/pyodide_script.py."
    )
