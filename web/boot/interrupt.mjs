/**
 * Send interrupts to the worker from the page.
 *
 * A message tells everything, but a worker busy in a loop does not hear it; where page and worker share memory, a signal
 * beside it reaches even that. It is written anew until the worker answers, since whatever runs in the worker may swallow one.
 */

import { LENGTH, REQUEST, SHARED_BYTES, SIGNAL, SIGUSR1 } from "./signals.mjs";

const REPEAT_MS = 25;

export class InterruptSender {
  /** Handed to the worker; null where the page has no shared memory. */
  shared = globalThis.crossOriginIsolated ? new SharedArrayBuffer(SHARED_BYTES) : null;
  #number = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #repeating;

  /** A number for the next request, by which its answer is known. */
  next() {
    return (this.#number += 1);
  }

  /**
   * Signal a request that was made with the last number.
   *
   * @param {object} request
   */
  signal(request) {
    if (!this.shared) return;
    clearInterval(this.#repeating);
    const cells = new Int32Array(this.shared, 0, REQUEST / Int32Array.BYTES_PER_ELEMENT);
    const text = new TextEncoder().encode(JSON.stringify(request));
    if (text.length > SHARED_BYTES - REQUEST) return; // the message says it all the same
    Atomics.store(cells, SIGNAL, 0);
    new Uint8Array(this.shared, REQUEST).set(text);
    Atomics.store(cells, LENGTH, text.length);
    const trip = () => void Atomics.store(cells, SIGNAL, SIGUSR1);
    trip();
    this.#repeating = setInterval(trip, REPEAT_MS);
  }

  /** @param {number} number What the worker has answered. */
  acknowledge(number) {
    if (number === this.#number) this.stop();
  }

  /** Take back what was not heard. */
  stop() {
    clearInterval(this.#repeating);
    if (this.shared) Atomics.store(new Int32Array(this.shared, 0, 1), SIGNAL, 0);
  }
}
