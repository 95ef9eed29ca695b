// The event stream, read by hand: a browser's EventSource cannot carry a token.

/** Cuts a text/event-stream into events (HTML Living Standard §9.2.6). */
class EventParser {
  /** Characters of one line; the longest is a snapshot of all peers. */
  static lineMax = 64 * 1024 * 1024;

  #rest = "";
  #event = { type: "", data: [], id: null };

  /** @yields {{type: string, data: string, id: string|null}} */
  *push(text) {
    let from = this.#rest.length;
    const all = this.#rest + text;
    let start = 0;
    for (;;) {
      const end = all.indexOf("\n", from);
      if (end < 0) break;
      const line = all.slice(start, all[end - 1] === "\r" && end > start ? end - 1 : end);
      start = from = end + 1;
      const event = this.#take(line);
      if (event) yield event;
    }
    this.#rest = all.slice(start);
    if (this.#rest.length > EventParser.lineMax) throw new Error("a line of the event stream is too long");
  }

  #take(line) {
    if (line === "") {
      const { type, data, id } = this.#event;
      this.#event = { type: "", data: [], id: null };
      return data.length === 0 ? null : { type: type || "message", data: data.join("\n"), id };
    }
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "event") this.#event.type = value;
    else if (name === "data") this.#event.data.push(value);
    else if (name === "id") this.#event.id = value;
    return null;
  }
}

/** Follows the events for as long as the page is there, and goes on from the last one after every interruption. */
class EventStream {
  /** For the answer to begin. */
  static #openTimeout = 8_000;
  /** Between attempts, milliseconds: doubled from the first to the last. */
  static #waits = [250, 8_000];

  #lastID = null;
  #controller = new AbortController();
  #wake = null;
  #isAsleep = false;
  /** Attempts since the last that the node answered. */
  #failures = 0;

  /**
   * `opened()` when the node answers, `take(event)` for each event, `ended(error, wait)` when the stream is gone: without
   * an error where the node closed it; the next attempt is `wait` milliseconds away.
   */
  constructor({ opened, ended, take }) {
    this.opened = opened;
    this.ended = ended;
    this.take = take;
    this.#run();
  }

  /** Begins again, at once. */
  restart() {
    this.#controller.abort();
    this.#wake?.();
  }

  /** The next stream begins behind this event. */
  resume(id) {
    this.#lastID = id;
    this.restart();
  }

  /** Nobody looks: the connection is given back until `false`. */
  set asleep(isAsleep) {
    if (this.#isAsleep === isAsleep) return;
    this.#isAsleep = isAsleep;
    this.restart();
  }

  async #run() {
    const [first, last] = EventStream.#waits;
    for (;;) {
      if (this.#isAsleep) await this.#pause(Infinity);
      const controller = (this.#controller = new AbortController());
      let error = null;
      try {
        await this.#follow(controller);
      } catch (caught) {
        error = caught;
      }
      if (controller.signal.aborted && controller.signal.reason?.name !== "TimeoutError") {
        this.#failures = 0;
        continue;
      }
      const wait = Math.min(last, first * 2 ** this.#failures);
      this.#failures += 1;
      this.ended(error, wait);
      await this.#pause(wait);
    }
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = milliseconds === Infinity ? undefined : setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #follow(controller) {
    const headers = { Accept: "text/event-stream, application/problem+json", ...authorization() };
    if (this.#lastID !== null) headers["Last-Event-ID"] = this.#lastID;
    const alarm = setTimeout(() => controller.abort(new DOMException("no answer", "TimeoutError")), EventStream.#openTimeout);
    let response;
    try {
      response = await fetch("v1/events?since=0", { headers, signal: controller.signal, cache: "no-store" });
    } finally {
      clearTimeout(alarm);
    }
    if (!response.ok) throw new Problem(response.status, await problemDocument(response));
    this.#failures = 0;
    this.opened();
    const parser = new EventParser();
    const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await text.read();
      if (done) return;
      heard();
      for (const event of parser.push(value)) {
        if (controller.signal.aborted) return;
        if (event.id !== null) this.#lastID = event.id;
        this.take(JSON.parse(event.data));
      }
    }
  }
}
