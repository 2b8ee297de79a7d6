/**
 * The standard library's zip file, where it comes after the core is awake.
 *
 * What the snapshot has imported works without it. Whatever is imported first beyond that has to wait for it, in the middle
 * of an `import`, where nothing can be awaited: it is then fetched synchronously.
 */

const PLACE = "/lib/python314.zip";

export class Library {
  #arrived = false;
  /** @type {Promise<void> | null} */
  #arriving = null;

  /**
   * @param {any} python
   * @param {string} address
   */
  constructor(python, address) {
    this.python = python;
    this.address = address;
  }

  /** Fetch it, unless it is there, and write it where Python looks for it. */
  begin() {
    if (this.#arrived) return Promise.resolve();
    this.#arriving ??= this.#fetch();
    this.#arriving.catch(() => {}); // told to whoever needs it
    return this.#arriving;
  }

  /** Have it now. */
  require() {
    if (this.#arrived) return;
    const request = new XMLHttpRequest();
    request.open("GET", this.address, false);
    request.responseType = "arraybuffer";
    request.send();
    if (request.status !== 200) throw new Error(`${this.address} answered ${request.status}`);
    this.#write(request.response);
  }

  async #fetch() {
    const response = await fetch(this.address);
    if (!response.ok) throw new Error(`${this.address} answered ${response.status}`);
    this.#write(await response.arrayBuffer());
  }

  /** @param {ArrayBuffer} content */
  #write(content) {
    if (this.#arrived) return;
    this.python.FS.writeFile(PLACE, new Uint8Array(content), { canOwn: true });
    this.#arrived = true;
  }
}
