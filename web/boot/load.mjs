/**
 * The ways of starting Python, best first. The page tries the next one, in a fresh worker, when one fails.
 *
 * @typedef {object} Setting What a rung is given to start with.
 * @property {import("./assets.mjs").BootManifest} manifest
 * @property {(name: keyof import("./assets.mjs").Given) => Promise<any>} given What the page hands over, once it has it.
 * @property {Record<string, any>} options For Pyodide.
 * @property {(mark: string) => void} mark
 *
 * @typedef {{ python: any, library: import("./library.mjs").Library | null }} Started
 * @typedef {(setting: Setting) => Promise<Started>} Rung
 */

import { startFromBundle } from "./bundle.mjs";
import { startFromLockFile } from "./lockfile.mjs";
import { startFromSnapshot } from "./snapshot.mjs";

/** @type {Record<string, Rung>} */
const RUNGS = { snapshot: startFromSnapshot, bundle: startFromBundle, lockfile: startFromLockFile };

/**
 * @param {string} rung
 * @param {Omit<Setting, "options">} setting
 * @param {(level: "info" | "warning", text: string) => void} log Takes what Python prints.
 */
export function load(rung, setting, log) {
  const { manifest } = setting;
  const options = {
    indexURL: manifest.pyodide,
    packageBaseUrl: manifest.wheels,
    ...(manifest.lockContents ? { lockFileContents: manifest.lockContents } : { lockFileURL: manifest.lock }),
    env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0" },
    stdout: (/** @type {string} */ line) => log("info", line),
    stderr: (/** @type {string} */ line) => log("warning", line),
  };
  return RUNGS[rung]({ ...setting, options });
}
