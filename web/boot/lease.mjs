/**
 * Renews leases on the server, in a worker of its own: an item that computes for long holds up the core's worker, and a page
 * may be busy, or hidden, when the browser lets its timers wait for a minute.
 *
 * It is sent the core's messages of the type `lease` (`irenic.endpoints.tab_messages.LeaseChanged`).
 *
 * @typedef {{ address: string, holder: string, fencing: number, ttl: number, held: boolean }} Lease
 */

/** Timers by lease. @type {Map<string, ReturnType<typeof setInterval>>} */
const timers = new Map();

/** @param {Lease} lease */
const nameOf = (lease) => `${lease.address} ${lease.fencing}`;

/** @param {Lease} lease */
function drop(lease) {
  clearInterval(timers.get(nameOf(lease)));
  timers.delete(nameOf(lease));
}

/** @param {Lease} lease */
async function renew(lease) {
  const { holder, fencing, ttl } = lease;
  try {
    const body = JSON.stringify({ holder, fencing, ttl });
    const answer = await fetch(lease.address, { method: "PUT", body, headers: { "content-type": "application/json" } });
    if (answer.status === 409) drop(lease); // taken over; the core finds that for itself
  } catch {
    // Not reached: that is tried again at the next turn.
  }
}

addEventListener("message", ({ data: lease }) => {
  drop(lease);
  if (lease.held) timers.set(nameOf(lease), setInterval(renew, (lease.ttl * 1000) / 3, lease));
});
