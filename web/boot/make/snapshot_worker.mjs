/**
 * Make the memory snapshot: a worker that starts Python from the bytecode bundle, runs `warm.py`, and puts the memory on the
 * maker's server.
 *
 * The same inputs are to give the same bytes, so that a site can be told by its hash: time stands still but for a steady
 * step at each look, and chance is a fixed sequence.
 *
 * @typedef {{ library: string, natives: { path: string, wasm: string, files: string }[], lock: string }} Bundle Addresses.
 */

import { readContainer, writeContainer } from "/sources/boot/container.mjs";
import { attachNative, reserveTrampoline, writeFiles } from "/sources/boot/native.mjs";
import { bytesOf, moduleOf, put } from "./exchange.mjs";

const STILL = Date.UTC(2025, 0, 1);
const STEP_MS = 0.001;

function makeRepeatable() {
  let looks = 0;
  const now = () => looks++ * STEP_MS;
  performance.now = now;
  Date.now = () => STILL + Math.floor(now());
  let state = 1;
  crypto.getRandomValues = (view) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (state = (state * 48271) % 2147483647) & 0xff;
    return view;
  };
}

/** @param {Bundle} bundle */
async function makeSnapshot({ library, natives, lock }) {
  makeRepeatable();
  const { loadPyodide } = await import("/vendor/pyodide/pyodide.mjs");
  const { default: createPyodide } = await import("/sources/vendor/pyodide/pyodide.asm.mjs");
  const compiled = await Promise.all(natives.map(({ wasm }) => WebAssembly.compileStreaming(fetch(wasm))));
  const containers = await Promise.all(natives.map(async ({ files }) => readContainer(await bytesOf(files))));
  const files = containers.flatMap((container) => container.files);
  /** @type {Record<string, import("../container.mjs").NativeLayout>} */
  const layout = {};
  let tableLength = 0;
  let fresh = new Uint8Array(0);
  const python = await loadPyodide({
    stdLibURL: new URL(library, location.href).href,
    lockFileContents: JSON.parse(new TextDecoder().decode(await bytesOf(lock))),
    packageBaseUrl: new URL("/vendor/wheels/", location.href).href,
    env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0" },
    _makeSnapshot: true,
    createPyodideModule: (/** @type {any} */ settings) => {
      settings.preRun.unshift((/** @type {any} */ Module) => {
        reserveTrampoline(Module);
        writeFiles(Module, files);
        natives.forEach(({ path }, index) => {
          const { tableBase, tableEnd } = attachNative(Module, path, compiled[index]);
          layout[path] = { tableBase, tableEnd, handles: [] };
        });
        tableLength = Module.wasmTable.length;
        fresh = Module.HEAPU8.slice();
      });
      return createPyodide(settings);
    },
  });
  const warm = await moduleOf(python, "warm");
  await python.runPythonAsync("await main()", { globals: warm.__dict__ });
  warm.destroy();
  const Module = python._module;
  if (Module.wasmTable.length !== tableLength) throw new Error("warming up has put functions into the table, which a snapshot does not hold");
  for (const [handle, { name }] of Object.entries(Module.LDSO.loadedLibsByHandle)) layout[name]?.handles.push(Number(handle));
  const hiwire = python._api.serializeHiwireState();
  const stack = { from: Module._emscripten_stack_get_end(), to: Module._emscripten_stack_get_base() };
  Module.HEAPU8.fill(0, stack.from, Module.stackSave()); // it grows downwards, and there lies what calls have left behind
  const heap = Module.HEAPU8;
  const facts = { buildId: python._api.config.BUILD_ID, heap: heap.length, stack, hiwire, layout };
  await put("snapshot.bin", writeContainer(files, { facts, heap, fresh }));
  return { heap: heap.length };
}

onmessage = ({ data }) => makeSnapshot(data).then(
  (made) => postMessage({ made }),
  (error) => postMessage({ error: String(error?.stack ?? error) }),
);
