// Runs in the page before anything of its own, and keeps what the benchmark asks for later. Times in ms since navigation.

const seen = (window.seen = { frames: [], tasks: [], delays: [], shown: null, ready: null });

new PerformanceObserver((list) => seen.tasks.push(...list.getEntries().map(({ startTime, duration }) => [startTime, duration]))).observe({
  type: "longtask",
  buffered: true,
});

for (const type of ["pointerdown", "keydown"]) {
  addEventListener(type, (event) => seen.delays.push([event.timeStamp, performance.now() - event.timeStamp]), { capture: true });
}

/** Whether a frame's callbacks are being run: what they change is in the picture of this frame. */
let framing = false;
const over = new MessageChannel();
over.port1.onmessage = () => (framing = false);

const frame = (time) => {
  framing = true;
  over.port2.postMessage(null);
  seen.frames.push(time);
  requestAnimationFrame(frame);
};
requestAnimationFrame(frame);

/** Call back when what the document holds now has been on screen: with the time of the frame after the one that shows it. */
const painted = (done) => requestAnimationFrame(framing ? done : () => requestAnimationFrame(done));

const opening = new MutationObserver(() => {
  const word = document.querySelector("#item-rows .status span")?.textContent;
  if (seen.shown === null && word && word !== "Not seen" && document.querySelector("#sentence").textContent) {
    seen.shown = Infinity;
    painted((at) => (seen.shown = at));
  }
  if (seen.ready === null && document.querySelector("#do-ensure")?.disabled === false) {
    seen.ready = performance.now();
    opening.disconnect();
  }
});
opening.observe(document, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["disabled"] });

/** Wait until an element reads so (or is no longer empty) and is painted; answer the time since the last press of a pointer. */
window.sincePress = (selector, text) =>
  new Promise((resolve) => {
    const element = document.querySelector(selector);
    const looker = new MutationObserver(() => {
      if (text === null ? !element.firstElementChild : element.textContent !== text) return;
      looker.disconnect();
      painted((at) => resolve(at - seen.delays.at(-1)[0]));
    });
    looker.observe(element, { childList: true, characterData: true, subtree: true });
  });
