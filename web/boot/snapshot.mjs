/**
 * The highest rung: Python's memory as it was after our packages had been imported and exercised, put into a fresh instance.
 *
 * The file system is not in it. The standard library's zip file, whose directory Python remembers, has to be byte for byte
 * the one that the snapshot was made with, and may come after everything else (see `library.mjs`).
 */

import { fillMemory, readContainer } from "./container.mjs";
import { startInterpreter } from "./interpreter.mjs";
import { Library } from "./library.mjs";
import { attachNative, reserveTrampoline, writeFiles } from "./native.mjs";

/** @type {import("./load.mjs").Rung} */
export async function startFromSnapshot({ manifest, given, options, mark }) {
  const { bundle, snapshot } = manifest;
  if (!bundle || !snapshot) throw new Error("this site has no memory snapshot");
  const python = await startInterpreter({
    manifest,
    mark,
    wasm: given("wasm"),
    library: null,
    options: { ...options, _loadSnapshot: new Uint8Array(0) },
    beforeRun: async (Module) => {
      const [compiled, bytes] = await Promise.all([given("native"), given("snapshot")]);
      prepareRestore(Module, readContainer(bytes), bundle.native.map(({ path }, index) => [path, compiled[index]]), mark);
    },
  });
  mark("python_started");
  const library = new Library(python, bundle.library);
  library.begin();
  return { python, library };
}

/**
 * Lay out a fresh instance as the snapshot's was, and have Pyodide's own restoring replaced by ours, which copies only what
 * is not zero and lets memory grow.
 *
 * @param {any} Module
 * @param {import("./container.mjs").Container} container
 * @param {[path: string, compiled: WebAssembly.Module][]} natives
 * @param {(mark: string) => void} mark
 */
function prepareRestore(Module, container, natives, mark) {
  const { snapshot, files } = container;
  if (!snapshot) throw new Error("the container holds no snapshot");
  if (snapshot.buildId !== Module.API.config.BUILD_ID) throw new Error("the snapshot was made by another build of Pyodide");
  const trampoline = reserveTrampoline(Module);
  writeFiles(Module, files);
  for (const [path, compiled] of natives) {
    const made = snapshot.layout[path];
    const { library, tableBase, tableEnd } = attachNative(Module, path, compiled);
    if (tableBase !== made?.tableBase || tableEnd !== made.tableEnd) throw new Error(`the table of functions differs at ${path}`);
    for (const handle of made.handles) Module.LDSO.loadedLibsByHandle[handle] = library;
  }
  mark("native_loaded");
  Module.API.restoreSnapshot = () => {
    const dirty = Module.HEAPU32[Module._emscripten_get_sbrk_ptr() >>> 2];
    if (snapshot.heap > Module.HEAPU8.length && !Module.growMemory(snapshot.heap)) throw new Error("no room for the snapshot");
    fillMemory(Module.HEAPU8, container, dirty);
    Module.HEAP32[trampoline.address] = trampoline.value;
    mark("restored");
    return snapshot.hiwire;
  };
}
