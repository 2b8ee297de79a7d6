/**
 * The worker that Python runs in.
 *
 * Its first message, `{ boot }`, says how to start; `{ asset, value }` (or `{ asset, error }`) hands over what the page has
 * fetched and compiled. All others are messages of the protocol and go to the session in Python. What it says is text (JSON,
 * from Python) or an object, of the protocol too. `{ boot_failed }` asks the page for the next rung, `{ alive }` says that the
 * lock is held that is let go of when this worker ends, `{ died }` that Python runs no more.
 *
 * @typedef {object} Boot
 * @property {string} rung
 * @property {number} since When the page asked for this worker, by `clock()`.
 * @property {import("./assets.mjs").BootManifest} manifest
 * @property {SharedArrayBuffer | null} signals
 * @property {string} life Name of the lock to hold.
 * @property {string | undefined} server Address of the server; undefined where nothing is to be kept.
 * @property {string} holder Names this tab to whoever else wants to write to a flow's profile.
 * @property {boolean} telemetry Whether the server may be told how runs go.
 */

import { load } from "./load.mjs";
import { NEVER_CUT, shorten } from "./shorten.mjs";
import { openSignals } from "./signals.mjs";
import { clock, marker } from "./timeline.mjs";

const awake = clock();

/** @type {Map<string, { promise: Promise<any>, resolve: (value: any) => void, reject: (reason: Error) => void }>} */
const handed = new Map();

/** @param {string} name */
function handover(name) {
  let entry = handed.get(name);
  if (!entry) {
    /** @type {any} */
    const made = {};
    made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
    made.promise.catch(() => {}); // told where it is awaited
    handed.set(name, (entry = made));
  }
  return /** @type {NonNullable<typeof entry>} */ (entry);
}

/** @type {any} */
let session = null;

addEventListener("message", ({ data }) => {
  if (data.boot) boot(data.boot);
  else if (data.asset) data.error ? handover(data.asset).reject(new Error(data.error)) : handover(data.asset).resolve(data.value);
  else session.receive(JSON.stringify(data));
});

/** @param {string} text A message as JSON. @returns {string} The same, its long values cut to what is shown. */
function shortened(text) {
  if (text.length <= NEVER_CUT) return text;
  const message = JSON.parse(text);
  return shorten(message) ? JSON.stringify(message) : text;
}

/** Hold a lock for as long as this worker lives, where the browser has locks. @param {string} name */
function hold(name) {
  navigator.locks?.request(name, () => {
    postMessage({ alive: true });
    return new Promise(() => {});
  });
}

/** Tell the page when Python has met an error after which it runs nothing any more. @param {any} python */
function watch(python) {
  /** @param {any} error */
  const look = (error) => {
    try {
      python.runPython("");
    } catch {
      postMessage({ died: String(error?.message ?? error).trim().split("\n")[0] });
    }
  };
  addEventListener("error", ({ error, message }) => look(error ?? message));
  addEventListener("unhandledrejection", ({ reason }) => look(reason));
}

/** @param {Boot} settings */
async function boot({ rung, since, manifest, signals, life, server, holder, telemetry }) {
  hold(life);
  const mark = marker(rung, since, postMessage);
  mark("worker_started", { at: Math.max(awake, since) }); // one that stood by was awake before
  const log = (/** @type {string} */ level, /** @type {string} */ text) => postMessage({ type: "log", level, text });
  try {
    const given = (/** @type {string} */ name) => handover(name).promise;
    const { python, library } = await load(rung, { manifest, given, mark }, log);
    if (rung !== "lockfile") for (const name of manifest.bundle?.packages ?? []) python.loadedPackages[name] = "bundle";
    const listened = openSignals(signals, server && `${server}/api/v1/executions/`);
    python.setInterruptBuffer(listened);
    session = python.pyimport("irenic.endpoints.tab").start({
      post: (/** @type {string} */ text) => postMessage(shortened(text)),
      post_file: (/** @type {string} */ path, /** @type {any} */ content) =>
        postMessage({ type: "file", path, blob: new Blob([content.toJs()]) }),
      require_library: () => library?.require(),
      library_arrived: () => library?.begin() ?? Promise.resolve(),
      signals: listened,
      server,
      holder,
      telemetry,
      rung,
    });
    watch(python);
    mark("ready");
  } catch (error) {
    postMessage({ boot_failed: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
  }
}
