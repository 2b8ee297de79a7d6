/**
 * Make the bytecode bundle: a worker that runs `library.py` inside Pyodide and puts the files on the maker's server.
 *
 * @typedef {{ lock: string, stdlib: string, wheels: string[] }} Sources Addresses.
 */

import { loadPyodide } from "/vendor/pyodide/pyodide.mjs";
import { writeContainer } from "/sources/boot/container.mjs";
import { bytesOf, moduleOf, put } from "./exchange.mjs";

/** @param {Sources} sources */
async function makeLibrary({ lock, stdlib, wheels }) {
  const python = await loadPyodide({
    lockFileURL: new URL(lock, location.href).href,
    // Columns of an error are of no use where there are no source lines to point into; lines are kept.
    env: { PYTHONHASHSEED: "0", PYTHONNODEBUGRANGES: "1" },
  });
  const maker = await moduleOf(python, "library");
  python.FS.mkdir("/sources");
  const write = async (/** @type {string} */ address) => {
    const path = `/sources/${address.split("/").pop()}`;
    python.FS.writeFile(path, await bytesOf(address));
    return path;
  };
  const [stdlibPath, ...wheelPaths] = await Promise.all([stdlib, ...wheels].map(write));
  const natives = maker.make_library(stdlibPath, wheelPaths, "/library.zip");
  await put("library.zip", new Blob([python.FS.readFile("/library.zip")]));
  const modules = [];
  for (const [module, content, files] of natives.toJs()) {
    await put(`native-${modules.length}.wasm`, new Blob([content]));
    await put(`native-${modules.length}.bin`, writeContainer(files));
    modules.push(module);
  }
  return { modules, python: python.version };
}

onmessage = ({ data }) => makeLibrary(data).then(
  (made) => postMessage({ made }),
  (error) => postMessage({ error: String(error?.stack ?? error) }),
);
