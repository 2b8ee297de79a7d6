/**
 * What happened when while the core started.
 *
 * @typedef {{ type: "boot", mark: string, at_ms: number, rung: string, detail?: string }} BootMessage
 */

/** @returns {number} Now in ms, by a clock that page and worker share. */
export const clock = () => performance.timeOrigin + performance.now();

/**
 * Make the function that says what has happened.
 *
 * @param {string} rung What is being tried.
 * @param {number} since When the page asked for the worker, by `clock()`.
 * @param {(message: BootMessage) => void} tell
 */
export function marker(rung, since, tell) {
  return (/** @type {string} */ mark, /** @type {{ at?: number, detail?: string }} */ { at = clock(), detail } = {}) => {
    const at_ms = Math.round((at - since) * 10) / 10;
    tell({ type: "boot", mark, at_ms, rung, ...(detail !== undefined && { detail }) });
  };
}
