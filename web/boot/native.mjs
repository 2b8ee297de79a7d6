/**
 * Extension modules of wheels (`.so`), instantiated before Python runs.
 *
 * Loaded the ordinary way, such a module gets memory and a place in the table of functions wherever there is room, which is
 * another place every time; a memory snapshot holds addresses, so that it would not fit. Before the C runtime has been
 * initialised, memory is taken from below the heap and the table is that of the fresh main module: the places are the same
 * every time. So it is done there, both when the snapshot is made and when it is restored. When Python opens the file later,
 * it finds it loaded; that file may be empty.
 */

/**
 * Keep the table of functions alike in every engine: Python's call trampoline takes a place in it, but only where the
 * engine can make one.
 *
 * @param {any} Module
 * @returns {{ address: number, value: number }} Where this engine's own trampoline is written, and what it is.
 */
export function reserveTrampoline(Module) {
  const offset = Module.HEAP32[Module.__PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET >>> 2];
  const address = (Module.__PyRuntime + offset) >>> 2;
  const value = Module.HEAP32[address];
  if (!value) Module.getEmptyTableSlot();
  return { address, value };
}

/**
 * @param {any} Module
 * @param {string} path
 * @param {WebAssembly.Module} compiled
 * @returns {import("./container.mjs").NativeLayout & { library: any }}
 */
export function attachNative(Module, path, compiled) {
  const library = Module.newDSO(path, undefined, "loading");
  library.refcount = Infinity;
  library.global = false;
  const tableBase = Module.wasmTable.length;
  library.exports = Module.loadWebAssemblyModule(compiled, { loadAsync: false, nodelete: true }, path, {});
  return { library, tableBase, tableEnd: Module.wasmTable.length, handles: [] };
}

/**
 * @param {any} Module
 * @param {[path: string, content: Uint8Array][]} files
 */
export function writeFiles(Module, files) {
  for (const [path, content] of files) {
    Module.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    Module.FS.writeFile(path, content, { canOwn: true });
  }
}
