/**
 * The automation core as the page sees it: a worker with Python in it, started the fastest way that works, told what to do
 * by messages of the protocol, interrupted, and replaced by a fresh one when it is abandoned.
 *
 *     const core = startCore({ onMessage: (message, text) => …, flow: "download" });
 *     core.post({ type: "submit", … });
 *     core.interrupt("finish");
 *
 * @typedef {{ type: string, [field: string]: any }} Message
 * @typedef {"finish" | "cancel" | "abandon"} Level
 *
 * @typedef {object} Options
 * @property {(message: Message, text: string | null) => void} onMessage Takes what the core says; `text` is the same as
 *   JSON where it came as such, for whoever reads JSON faster than objects.
 * @property {string} [flow] Name of the flow, by which the server says which hosts the worker may talk to.
 * @property {string | null} [server] Address of the server that keeps journals and states: the page's own, unless told
 *   otherwise; null where nothing is to be kept.
 * @property {string[]} [rungs] Ways of starting, to be tried in this order.
 * @property {number} [patience] How long a start may show no progress before the next way is tried, ms.
 */

import { Assets } from "./assets.mjs";
import { InterruptSender } from "./interrupt.mjs";
import { Protocol } from "./protocol.mjs";
import { clock, marker } from "./timeline.mjs";

export const RUNGS = ["snapshot", "bundle", "lockfile"];

const WORKER = new URL("worker.mjs", import.meta.url);
const LEASE_WORKER = new URL("lease.mjs", import.meta.url);
const SITE = new URL("..", import.meta.url).href.replace(/\/$/, "");
/** A worker that lived for so long, or was of use, is replaced when it dies; another would most likely die as soon. */
const USEFUL_AFTER_MS = 10_000;
/** Not while the page and the flow are still busy with their own start. */
const STANDBY_AFTER_MS = 1000;
const HOLDER_KEY = "irenic.holder";

/** Asked for as soon as this module runs. */
const opening = Assets.open();
const protocol = new Protocol();

/** Begin to fetch and compile what the best way of starting needs; a core that is started later goes on with it. */
export const fetchAhead = () => opening.then((assets) => void assets.for(RUNGS[0]));

/** @param {Options} options */
export const startCore = (options) => new Core(options);

export class Core {
  /** Every mark of every start so far. @type {import("./timeline.mjs").BootMessage[]} */
  timeline = [];
  /** The way of starting that is being tried, or that has worked. */
  rung = "";
  /** Executions that this worker runs. @type {Set<string>} */
  running = new Set();

  #onMessage;
  #flow;
  #server;
  #rungs;
  #patience;
  #sender = new InterruptSender();
  /** @type {Worker | null} */
  #worker = null;
  /** A worker that has loaded its scripts and waits, so that an abandoned one is replaced the sooner. @type {Worker | null} */
  #standby = null;
  /** Renews the leases of what the worker runs. @type {Worker | null} */
  #leases = null;
  #ready = false;
  /** When this worker became ready, by `clock()`. */
  #readySince = 0;
  /** Whether this worker was asked for anything beyond loading its flow. */
  #used = false;
  /** What is posted before the worker is ready. @type {Message[]} */
  #waiting = [];
  /** The flow that a fresh worker has to load again. @type {Message | null} */
  #loaded = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watchdog;

  /** @param {Options} options */
  constructor({ onMessage, flow = "", server = SITE, rungs = RUNGS, patience = 30_000 }) {
    this.#onMessage = onMessage;
    this.#flow = flow;
    this.#server = server ?? undefined;
    this.#rungs = [...rungs];
    this.#patience = patience;
    this.#spawn();
  }

  /**
   * Send a message to the core; it waits until the core is ready.
   *
   * @param {Message} message
   */
  post(message) {
    protocol.check("to_core", message);
    if (message.type === "load_flow") this.#loaded = message;
    this.#used ||= message.type === "submit" || message.type === "preview";
    if (this.#ready) this.#worker?.postMessage(message);
    else this.#waiting.push(message);
  }

  /**
   * Ask what runs to stop.
   *
   * @param {Level} level
   * @param {{ execution_id?: string | null, source?: string, reason?: string | null }} [request]
   */
  interrupt(level, { execution_id = null, source = "user", reason = null } = {}) {
    if (level === "abandon") {
      this.respawn({ source, reason });
      return;
    }
    const request = { type: "interrupt", execution_id, source, reason, level, number: this.#sender.next() };
    this.#sender.signal(request);
    this.post(request);
    if (this.#sender.shared || this.#server === undefined) return;
    for (const id of execution_id ? [execution_id] : this.running) {
      const body = JSON.stringify({ source, reason, level });
      fetch(`${this.#server}/api/v1/executions/${id}/interrupt`, { method: "POST", body, headers: { "content-type": "application/json" } })
        .catch((error) => this.#tell({ type: "log", level: "warning", text: `The server did not take the interrupt: ${error.message}` }));
    }
  }

  /**
   * End the worker, whatever it does, and start another one. What it was running is unknown.
   *
   * @param {{ source?: string | null, reason?: string | null }} [asked] who asked for it, and why; nobody where the worker died
   */
  respawn({ source = "user", reason = null } = {}) {
    const abandoned = [...this.running];
    this.running.clear();
    this.#sender.stop();
    this.#waiting = [];
    if (this.#loaded) this.#waiting.push(this.#loaded);
    if (abandoned.length > 0) this.#waiting.push({ type: "abandoned", execution_ids: abandoned, source, reason });
    this.#spawn();
  }

  #spawn() {
    this.#endWorker();
    this.#ready = false;
    const rung = (this.rung = this.#rungs[0]);
    const since = clock();
    const worker = (this.#worker = this.#standby ?? this.#newWorker());
    this.#standby = null;
    const mark = marker(rung, since, (message) => this.#tell(message));
    const life = `irenic/worker/${crypto.randomUUID()}`;
    this.#used = false;
    worker.onmessage = ({ data }) => {
      if (data.boot_failed !== undefined) this.#fallBack(data.boot_failed);
      else if (data.died !== undefined) this.#died(data.died);
      else if (data.alive !== undefined) this.#hearWhenItEnds(worker, life);
      else if (typeof data === "string") this.#tell(JSON.parse(data), data);
      else this.#tell(data);
    };
    worker.onerror = (event) => {
      const what = event.message ?? "its script did not load";
      if (this.#ready) this.#tell({ type: "log", level: "error", text: `The worker: ${what}` });
      else this.#fallBack(`the worker could not run: ${what}`);
    };
    mark("worker_requested");
    this.#watch();
    this.#hand(worker, rung, since, life).catch((error) => worker === this.#worker && this.#fallBack(String(error.message)));
  }

  /** End the worker; what it ran is not kept alive any more. */
  #endWorker() {
    this.#worker?.terminate();
    this.#leases?.terminate();
    this.#leases = null;
  }

  /**
   * A worker holds a lock for as long as it lives. The browser says nothing when one closes itself or is ended.
   *
   * @param {Worker} worker
   * @param {string} life
   */
  #hearWhenItEnds(worker, life) {
    navigator.locks.request(life, () => worker === this.#worker && this.#died("its worker was closed"));
  }

  /**
   * Python will never answer again. What ran is lost; another worker takes the place, unless it would only die again.
   *
   * @param {string} reason
   */
  #died(reason) {
    const isUseful = this.#ready && (this.#used || clock() - this.#readySince > USEFUL_AFTER_MS);
    if (!isUseful) {
      this.#rungs.length = 1; // Python ran: another way of starting it helps nothing
      this.#fallBack(reason);
      return;
    }
    this.#tell({ type: "failed", during: "worker", message: `Python ended: ${reason}.` });
    this.respawn({ source: null });
  }

  #standBy() {
    if (this.#standby) return;
    const worker = (this.#standby = this.#newWorker());
    worker.onerror = () => this.#standby === worker && (this.#standby = null); // the next one will tell why
  }

  #newWorker() {
    return new Worker(`${WORKER}${this.#flow && `?flow=${encodeURIComponent(this.#flow)}`}`, { type: "module" });
  }

  /**
   * @param {Worker} worker
   * @param {string} rung
   * @param {number} since
   * @param {string} life
   */
  async #hand(worker, rung, since, life) {
    const assets = await opening;
    const settings = {
      rung,
      since,
      manifest: assets.manifest,
      signals: this.#sender.shared,
      life,
      server: this.#server,
      holder: holderName(),
      telemetry: !doNotTrack(),
    };
    worker.postMessage({ boot: settings });
    for (const [asset, fetched] of Object.entries(assets.for(rung))) {
      fetched.then(
        (value) => worker.postMessage({ asset, value }),
        (error) => worker.postMessage({ asset, error: String(error.message) }),
      );
    }
  }

  /**
   * @param {Message} message
   * @param {string | null} text
   */
  #tell(message, text = null) {
    protocol.check("from_core", message);
    switch (message.type) {
      case "lease":
        this.#leases ??= new Worker(LEASE_WORKER, { type: "module" });
        this.#leases.postMessage(message);
        return;
      case "boot":
        this.timeline.push(/** @type {import("./timeline.mjs").BootMessage} */ (message));
        this.#watch();
        break;
      case "ready":
        this.#becomeReady();
        break;
      case "submitted":
        if (!message.refused) this.running.add(message.execution_id);
        break;
      case "outcome":
        this.running.delete(message.execution_id);
        break;
      case "interrupt_reply":
        if (message.number) this.#sender.acknowledge(message.number);
        break;
    }
    this.#onMessage(message, text);
  }

  #becomeReady() {
    this.#ready = true;
    this.#readySince = clock();
    clearTimeout(this.#watchdog);
    for (const message of this.#waiting.splice(0)) this.#worker?.postMessage(message);
    setTimeout(() => this.#standBy(), STANDBY_AFTER_MS);
  }

  #watch() {
    clearTimeout(this.#watchdog);
    if (this.#ready) return;
    this.#watchdog = setTimeout(() => this.#fallBack(`no progress for ${this.#patience / 1000} s`), this.#patience);
  }

  /** @param {string} reason */
  #fallBack(reason) {
    const failed = this.#rungs[0];
    clearTimeout(this.#watchdog);
    if (this.#ready || this.#rungs.length === 1) {
      this.#endWorker();
      this.#tell({ type: "failed", during: "core", message: `The core ${this.#ready ? "stopped" : "could not start"}: ${reason}. Reload the page.` });
      return;
    }
    this.#rungs.shift();
    marker(failed, clock(), (message) => this.#tell(message))("fell_back", { detail: `${failed}: ${reason}` });
    this.#spawn();
  }
}

/** A name for this tab that stays through reloads, so that it finds its own lease again. */
function holderName() {
  let name = sessionStorage.getItem(HOLDER_KEY);
  if (!name) sessionStorage.setItem(HOLDER_KEY, (name = `tab ${crypto.randomUUID().slice(0, 8)}`));
  return name;
}

/** Whether whoever uses this browser has said that they want no telemetry. */
function doNotTrack() {
  const { doNotTrack, globalPrivacyControl } = /** @type {any} */ (navigator);
  return doNotTrack === "1" || globalPrivacyControl === true;
}
