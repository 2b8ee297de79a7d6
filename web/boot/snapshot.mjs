/**
 * The highest rung: Python's memory as it was after our packages had been imported and exercised, put into a fresh instance.
 *
 * The file system is not in it. The standard library's zip file, whose directory Python remembers, has to be byte for byte
 * the one that the snapshot was made with, and may come after everything else (see `library.mjs`).
 */

import { readContainer, writeRuns } from "./container.mjs";
import { startInterpreter } from "./interpreter.mjs";
import { Library } from "./library.mjs";
import { attachNative, reserveTrampoline, writeFiles } from "./native.mjs";

/** Not while the core is still waking up and taking its flow. */
const LIBRARY_AFTER_MS = 300;

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
  setTimeout(() => library.begin(), LIBRARY_AFTER_MS);
  return { python, library };
}

/**
 * Lay out a fresh instance as the snapshot's was, and have Pyodide's own restoring replaced by ours, which writes only what
 * differs from the fresh instance and lets memory grow.
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
  const undo = remember(Module, snapshot.stack);
  mark("native_loaded");
  Module.API.restoreSnapshot = () => {
    if (snapshot.heap > Module.HEAPU8.length && !Module.growMemory(snapshot.heap)) throw new Error("no room for the snapshot");
    undo();
    writeRuns(Module.HEAPU8, container);
    Module.HEAP32[trampoline.address] = trampoline.value;
    mark("restored");
    return snapshot.hiwire;
  };
}

/**
 * Keep what memory holds before any code has run, which is the same for everyone: constants. What the program then writes on
 * its way to the restoring, such as the user's language, is not.
 *
 * @param {any} Module
 * @param {{ from: number, to: number }} stack Nothing is kept of it.
 * @returns {() => void} Brings memory back to that.
 */
function remember(Module, stack) {
  const end = () => Module.HEAPU32[Module._emscripten_get_sbrk_ptr() >>> 2];
  const below = Module.HEAPU8.slice(0, stack.from);
  const above = Module.HEAPU8.slice(stack.to, end());
  return () => {
    Module.HEAPU8.set(below, 0);
    Module.HEAPU8.set(above, stack.to);
    Module.HEAPU8.fill(0, stack.to + above.length, end());
  };
}
