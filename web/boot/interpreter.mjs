/**
 * Start Pyodide from what the page has fetched and compiled already, with something of our own done before Python runs.
 *
 * Pyodide fetches its WebAssembly and its standard library itself and takes neither from its caller, so while it starts, its
 * requests are answered here. This leans on names that Pyodide has marked experimental (`createPyodideModule`,
 * `_loadSnapshot`) and on Emscripten's settings. Pyodide is therefore pinned exactly, and the rung below needs none of it.
 *
 * @typedef {object} Start
 * @property {import("./assets.mjs").BootManifest} manifest
 * @property {Promise<WebAssembly.Module>} wasm
 * @property {Promise<ArrayBuffer> | null} library Python's standard library as a zip file; null where it comes later.
 * @property {(Module: any) => Promise<void>} beforeRun Called when WebAssembly is instantiated and Python has not begun.
 * @property {(mark: string) => void} mark
 * @property {object} options Further ones for Pyodide.
 */

import createModule from "../vendor/pyodide/pyodide.asm.mjs";
import { loadPyodide } from "../vendor/pyodide/pyodide.mjs";

/** A module that only passes calls on has fewer bytes than this. */
const SMALL = 100;

/** @param {Start} start */
export async function startInterpreter({ manifest, wasm, library, beforeRun, mark, options }) {
  /** @type {(reason: unknown) => void} */
  let fail = () => {};
  const failed = new Promise((_, reject) => (fail = reject));
  const libraryAddress = `${manifest.pyodide}python_stdlib.zip`;
  const stopAnswering = answerRequests({
    [`${manifest.pyodide}pyodide.asm.wasm`]: async () => new Response(null),
    [libraryAddress]: async () => new Response(library && (await library)),
  });
  const stopInstantiating = instantiateGiven(wasm, fail);
  const stopSharing = shareSmallModules();
  try {
    const starting = loadPyodide({
      stdLibURL: libraryAddress,
      ...options,
      createPyodideModule: (/** @type {any} */ settings) => {
        settings.preRun.unshift((/** @type {any} */ Module) => {
          mark("instantiated");
          Module.addRunDependency("before-run");
          beforeRun(Module).then(() => Module.removeRunDependency("before-run"), fail);
        });
        return createModule(settings);
      },
    });
    return await Promise.race([starting, failed]);
  } finally {
    stopAnswering();
    stopInstantiating();
    stopSharing();
  }
}

/**
 * Answer some of this worker's own requests without asking the network.
 *
 * @param {Record<string, () => Promise<Response>>} answers By address.
 * @returns {() => void} Ends it.
 */
function answerRequests(answers) {
  const network = globalThis.fetch;
  globalThis.fetch = (resource, init) => answers[String(resource)]?.() ?? network(resource, init);
  return () => void (globalThis.fetch = network);
}

/**
 * Instantiate the module that was handed over instead of compiling it again.
 *
 * @param {Promise<WebAssembly.Module>} given
 * @param {(reason: unknown) => void} fail Pyodide only warns of a failure here and would wait for ever.
 * @returns {() => void} Ends it.
 */
function instantiateGiven(given, fail) {
  const compileAndInstantiate = WebAssembly.instantiateStreaming;
  WebAssembly.instantiateStreaming = async (_response, imports) => {
    try {
      const module = await given;
      return { module, instance: await WebAssembly.instantiate(module, imports) };
    } catch (reason) {
      fail(reason);
      throw reason;
    }
  };
  return () => void (WebAssembly.instantiateStreaming = compileAndInstantiate);
}

/**
 * Compile modules that are alike once. Emscripten makes one for each of 261 JavaScript functions, to put them into the table;
 * what is in it is the signature alone, of which there are 30.
 *
 * @returns {() => void} Ends it.
 */
function shareSmallModules() {
  const { Module } = WebAssembly;
  /** @type {Map<string, WebAssembly.Module>} */
  const compiled = new Map();
  WebAssembly.Module = new Proxy(Module, {
    construct(_, [bytes]) {
      if (!(bytes instanceof Uint8Array) || bytes.length > SMALL) return new Module(bytes);
      const key = bytes.join();
      const module = compiled.get(key) ?? new Module(bytes);
      compiled.set(key, module);
      return module;
    },
  });
  return () => void (WebAssembly.Module = Module);
}
