// One stream of server-sent events for all tabs of a browser: HTTP/1.1 gives a host six connections, and each stream
// keeps one. The tab that holds the lock listens and tells the others; when it closes, the browser hands the lock to
// the next. A leader that neither tells nor answers (a tab that hangs) has the lock taken from it.

const QUIET_MS = 45_000; // without a word; the server says something every 15 seconds
const ANSWER_MS = 10_000; // that a leader is given when it is asked
const LOOK_MS = 5_000;
const AGAIN_MS = 5_000; // until a stream that the server refused is tried again
const STILL = "still"; // the server's word that there is nothing to say

export class Stream extends EventTarget {
  #path;
  #names;
  #own = crypto.randomUUID();
  #channel = null;
  #waiting = null; // aborts our place in the queue for the lock
  #resign = null; // gives the lock back, while we lead
  #source = null;
  #timers = [];
  #isOpen = false;
  #heard = 0;
  #asked = 0;
  #last = null; // what a tab that comes later is told

  // names: of the events that are passed on, as events of this object.
  constructor(path, ...names) {
    super();
    [this.#path, this.#names] = [path, names];
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", (event) => event.persisted && this.start());
    this.start();
  }

  // Whether somebody listens, and says so.
  get isOpen() {
    return this.#isOpen && Date.now() - this.#heard < QUIET_MS + ANSWER_MS;
  }

  start() {
    if (this.#channel) return;
    this.#heard = Date.now();
    this.#channel = new BroadcastChannel(`quorate${this.#path}`);
    this.#channel.onmessage = ({ data }) => (data.kind === "ask" ? this.#answer(data.from) : this.#hear(data));
    if (!navigator.locks) return this.#listen(); // everybody for itself
    this.#channel.postMessage({ kind: "ask", from: this.#own });
    this.#queue();
    this.#timers.push(setInterval(() => this.#look(), LOOK_MS));
  }

  stop() {
    if (!this.#channel) return;
    this.#timers.forEach(clearInterval);
    this.#timers = [];
    this.#waiting?.abort();
    this.#channel.close();
    this.#channel = this.#last = null;
    this.#retire();
  }

  // A place in the queue for the lock; `taken` jumps it, and ends the leader that was.
  async #queue(taken = false) {
    this.#waiting?.abort();
    this.#waiting = new AbortController();
    const { signal } = this.#waiting;
    try {
      await navigator.locks.request(`quorate${this.#path}`, taken ? { steal: true } : { signal }, () => this.#lead());
    } catch {
      if (signal.aborted) return; // stopped, or queued anew
      this.#retire(); // the lock was taken from us
      if (this.#channel) this.#queue();
    }
  }

  #lead() {
    if (!this.#channel) return null;
    this.#listen();
    return new Promise((resolve) => (this.#resign = resolve));
  }

  #retire() {
    this.#source?.close();
    this.#source = null;
    this.#isOpen = false;
    this.#resign?.();
    this.#resign = null;
  }

  #listen() {
    const source = new EventSource(this.#path);
    this.#source = source;
    source.onopen = () => this.#tell({ kind: "state", isOpen: true });
    source.onerror = () => {
      this.#tell({ kind: "state", isOpen: false });
      if (source.readyState !== EventSource.CLOSED || source !== this.#source) return;
      this.#timers.push(setTimeout(() => source === this.#source && this.#listen(), AGAIN_MS));
    };
    for (const name of [...this.#names, STILL])
      source.addEventListener(name, ({ data }) => this.#tell({ kind: "news", name, data }));
  }

  #tell(message) {
    this.#channel?.postMessage(message);
    this.#hear(message);
  }

  #answer(to) {
    if (!this.#source) return;
    this.#channel.postMessage({ kind: "state", isOpen: this.#source.readyState === EventSource.OPEN, to });
    if (this.#last) this.#channel.postMessage({ ...this.#last, to });
  }

  #hear(message) {
    if (message.to && message.to !== this.#own) return;
    this.#heard = Date.now();
    this.#asked = 0;
    this.#isOpen = message.kind === "state" ? message.isOpen : true;
    if (message.kind !== "news" || message.name === STILL) return;
    this.#last = message;
    this.dispatchEvent(new MessageEvent(message.name, { data: message.data }));
  }

  // Whether the leader is still there, when it is not us.
  #look() {
    if (this.#source || Date.now() - this.#heard < QUIET_MS) return;
    if (!this.#asked) {
      this.#asked = Date.now();
      this.#channel.postMessage({ kind: "ask", from: this.#own });
    } else if (Date.now() - this.#asked > ANSWER_MS) {
      this.#heard = Date.now();
      this.#queue(true);
    }
  }
}
