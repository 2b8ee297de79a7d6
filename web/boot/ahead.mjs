/**
 * On a first visit, fetching what the core starts from begins with the page, and not only when the page's own Python asks for it.
 *
 * Only then, and only where the server is not near: there the network is what a start waits for. A browser that was here
 * before has the files already, or a tab that runs, and would only draw its picture later, as everything is busy with compiling.
 */

import { fetchAhead } from "./core.mjs";

/** Where the page remembers what it opened last (`ui/opening.py`). */
const OPENED_KEY = "irenic.opened";
/** Until a near server answers, ms. */
const NEAR_MS = 20;

const [timing] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
/** A first visit is led on to the address without its token: what answers last may have been on its way already. */
const answered = Math.max(timing.responseStart - timing.requestStart, timing.redirectEnd - timing.redirectStart);
const { saveData = false } = /** @type {any} */ (navigator).connection ?? {};

if (answered > NEAR_MS && !saveData && isFirst()) fetchAhead();

function isFirst() {
  try {
    return localStorage.getItem(OPENED_KEY) === null;
  } catch {
    return false; // a browser that remembers nothing does not say
  }
}
