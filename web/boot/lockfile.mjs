/** The lowest rung: Pyodide's ordinary start and the wheels of our lock file, by its public interface alone. */

import { loadPyodide } from "../vendor/pyodide/pyodide.mjs";

/** @type {import("./load.mjs").Rung} */
export async function startFromLockFile({ manifest, options, mark }) {
  const python = await loadPyodide(options);
  mark("python_started");
  await python.loadPackage(manifest.packages, { messageCallback: () => {} });
  return { python, library: null };
}
