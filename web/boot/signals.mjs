/**
 * What the interpreter looks at, every few dozen instructions, to learn whether somebody wants something of it: an object that
 * stands in for the byte that Pyodide's manual asks for. Pyodide reads element 0 and then sets it to 0, in two steps, so that
 * a byte written by the page in between would be lost. Here reading takes the signal, in one step, and setting does nothing.
 */

/** SIGUSR1, for every request: how hard to stop is said in the request. Its handler is in `irenic.endpoints.tab_signals`. */
export const SIGUSR1 = 10;

/** The memory shared with the page: a signal, the length of a request, and the request that belongs to it, as JSON. */
export const SIGNAL = 0;
export const LENGTH = 1;
export const REQUEST = 2 * Int32Array.BYTES_PER_ELEMENT;
export const SHARED_BYTES = 16384;

/** The page writes into shared memory: heard within a millisecond. */
class SharedSource {
  kind = "shared";
  #memory;
  #cells;

  /** @param {SharedArrayBuffer} memory */
  constructor(memory) {
    this.#memory = memory;
    this.#cells = new Int32Array(memory, 0, REQUEST / Int32Array.BYTES_PER_ELEMENT);
  }

  take() {
    return Atomics.load(this.#cells, SIGNAL) === 0 ? 0 : Atomics.exchange(this.#cells, SIGNAL, 0);
  }

  request() {
    const length = Atomics.load(this.#cells, LENGTH);
    return new TextDecoder().decode(new Uint8Array(this.#memory, REQUEST, length).slice());
  }

  watch() {}
  unwatch() {}
}

/**
 * Without shared memory (a page that is not cross-origin isolated) the server is asked, synchronously, for as long as an
 * execution runs and nothing else lets this worker hear its messages.
 */
class PolledSource {
  kind = "polled";
  #executions;
  #interval;
  /** What was heard last, by execution: the server's word for it. @type {Map<string, string>} */
  #heard = new Map();
  #request = "{}";
  /** When the worker last heard messages, or the server was last asked. */
  #quiet = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #turns;

  /**
   * @param {string | undefined} executions Address of the server's executions; where there is no server, messages alone are heard.
   * @param {number} interval Shortest time between two requests, ms.
   */
  constructor(executions, interval) {
    this.#executions = executions;
    this.#interval = interval;
  }

  take() {
    if (this.#heard.size === 0 || performance.now() - this.#quiet < this.#interval) return 0;
    for (const [execution, last] of this.#heard) {
      if (last === "" && ["", "0"].includes(this.#ask(`${execution}/signal`))) continue;
      const { interrupt } = JSON.parse(this.#ask(execution) || "{}");
      const found = JSON.stringify(interrupt ?? "");
      if (!interrupt || found === last) continue;
      this.#heard.set(execution, found);
      const { source, reason, level } = interrupt;
      this.#request = JSON.stringify({ type: "interrupt", execution_id: execution, source, reason, level });
      return SIGUSR1;
    }
    return 0;
  }

  request() {
    return this.#request;
  }

  /** @param {string} execution */
  watch(execution) {
    if (!this.#executions) return;
    this.#heard.set(execution, "");
    if (this.#turns !== undefined) return;
    this.#quiet = performance.now();
    this.#turns = setInterval(() => (this.#quiet = performance.now()), this.#interval / 2);
  }

  /** @param {string} execution */
  unwatch(execution) {
    this.#heard.delete(execution);
    if (this.#heard.size > 0) return;
    clearInterval(this.#turns);
    this.#turns = undefined;
  }

  /**
   * @param {string} path Below the executions.
   * @returns {string} Nothing where nobody answers: the execution goes on, and messages still reach it between items.
   */
  #ask(path) {
    const request = new XMLHttpRequest();
    request.open("GET", this.#executions + path, false);
    try {
      request.send();
    } catch {
      return "";
    } finally {
      this.#quiet = performance.now();
    }
    return request.status === 200 ? request.responseText : "";
  }
}

export class Signals {
  #source;
  #again = 0;

  /** @param {SharedSource | PolledSource} source */
  constructor(source) {
    this.#source = source;
  }

  /** @returns {number} */
  get 0() {
    if (this.#again === 0) return this.#source.take();
    const signal = this.#again;
    this.#again = 0;
    return signal;
  }

  set 0(_taken) {}

  /** How signals arrive: `shared` or `polled`. */
  get kind() {
    return this.#source.kind;
  }

  /** The request that the last signal stands for: JSON of an interrupt message. */
  request() {
    return this.#source.request();
  }

  /**
   * Send a signal at the next look, for a handler that could do nothing where it was called.
   *
   * @param {number} signal
   */
  again(signal) {
    this.#again = signal;
  }

  /** @param {string} execution Whose signals are listened for. */
  watch(execution) {
    this.#source.watch(execution);
  }

  /** @param {string} execution */
  unwatch(execution) {
    this.#source.unwatch(execution);
  }
}

/**
 * @param {SharedArrayBuffer | null} shared
 * @param {string | undefined} executions
 * @param {number} [interval]
 */
export function openSignals(shared, executions, interval = 250) {
  return new Signals(shared ? new SharedSource(shared) : new PolledSource(executions, interval));
}
