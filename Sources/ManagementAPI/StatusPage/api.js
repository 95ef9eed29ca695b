// Requests to the node, and the token that they carry.

/** What the node answered instead: a problem document (RFC 9457). */
class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? document.title ?? `The node answered with status ${status}.`);
    this.status = status;
    this.code = document.code;
    this.title = document.title ?? "";
    this.attempts = document.attempts ?? [];
  }
}

/** The node did not answer. */
class Unreachable extends Error {}

const tokenKey = "fednode.token";
let token = storedToken();
/** The reader does not want to be asked: only what they do themselves asks again. */
let tokenDeclined = false;
let tokenQuestion = null;
const tokenListeners = [];

function storedToken() {
  try {
    return sessionStorage.getItem(tokenKey);
  } catch {
    return null; // the browser keeps nothing for this page
  }
}

function useToken(text) {
  token = text;
  try {
    if (text === null) sessionStorage.removeItem(tokenKey);
    else sessionStorage.setItem(tokenKey, text);
  } catch {
    // It is kept until the page is closed.
  }
}

const authorization = () => (token === null ? {} : { Authorization: `Bearer ${token}` });

/**
 * The answer's JSON, null where it has no body. A request that lacks a token asks for one and is sent again.
 * `background`: nobody waits for it, so a reader who closed the question is left in peace.
 */
async function call(method, path, { body, signal, timeout = 15_000, background = false } = {}) {
  for (;;) {
    try {
      return await send(method, path, token, { body, signal, timeout });
    } catch (error) {
      const isAsked = error.code === "unauthorized" || error.code === "insufficient_scope";
      if (!isAsked || (background && tokenDeclined) || !(await askForToken(error))) throw error;
    }
  }
}

async function send(method, path, token, { body, signal, timeout }) {
  const headers = { Accept: "application/json, application/problem+json" };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const limits = [AbortSignal.timeout(timeout), ...(signal ? [signal] : [])];
  try {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const response = await fetch(path, { method, headers, body: content, signal: AbortSignal.any(limits), cache: "no-store" });
    heard();
    if (!response.ok) throw new Problem(response.status, await problemDocument(response));
    const text = await response.text();
    return text === "" ? null : JSON.parse(text);
  } catch (error) {
    if (error instanceof Problem || signal?.aborted) throw error;
    throw new Unreachable(error.name === "TimeoutError" ? "The node did not answer in time." : "The node cannot be reached.");
  }
}

async function problemDocument(response) {
  try {
    return JSON.parse(await response.text());
  } catch {
    return {}; // not the node's own answer, but that of something between
  }
}

/** Requests that wait for a peer: a browser has six connections to a server, and the page needs some for itself. */
const slowMax = 2;
let slowRunning = 0;
const slowWaiting = [];
async function callSlowly(method, path, options = {}) {
  while (slowRunning >= slowMax) await new Promise((resolve) => slowWaiting.push(resolve));
  slowRunning += 1;
  try {
    return await call(method, path, { timeout: 120_000, ...options });
  } finally {
    slowRunning -= 1;
    slowWaiting.shift()?.();
  }
}

/** Whether there is a new one. Whoever asks while the question is open waits for the same answer. */
function askForToken(problem) {
  tokenQuestion ??= new Promise((resolve) => {
    setText($("token-why"), problem ? `${sentence(problem.message)}` : "Requests to this node are sent with this token.");
    setText($("token-error"), "");
    $("token-input").value = "";
    $("token-forget").hidden = token === null;
    const close = (isNew) => {
      tokenQuestion = null;
      tokenDeclined = !isNew;
      $("token").close();
      $("token-input").value = "";
      resolve(isNew);
      if (isNew) for (const listener of tokenListeners) listener();
    };
    $("token-form").onsubmit = async (event) => {
      event.preventDefault();
      const text = $("token-input").value.trim();
      if (text === "") return;
      try {
        await send("GET", "v1/node", text, { timeout: 15_000 });
      } catch (error) {
        setText($("token-error"), sentence(error.message));
        return;
      }
      useToken(text);
      close(true);
    };
    $("token-cancel").onclick = () => close(false);
    $("token-forget").onclick = () => {
      useToken(null);
      close(true);
      tokenDeclined = true;
    };
    $("token").oncancel = (event) => {
      event.preventDefault();
      close(false);
    };
    $("token").showModal();
  });
  return tokenQuestion;
}

/** The API's words begin with a small letter and have no full stop. */
function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

/** A question with a field for a word or two; null when the answer is no. */
function ask({ title, text, label, yes }) {
  return new Promise((resolve) => {
    setText($("ask-title"), title);
    setText($("ask-text"), text);
    setText($("ask-label"), label ?? "");
    setText($("ask-yes"), yes);
    $("ask-field").hidden = label === undefined;
    $("ask-input").value = "";
    const close = (answer) => {
      $("ask").close();
      resolve(answer);
    };
    $("ask-form").onsubmit = (event) => {
      event.preventDefault();
      close($("ask-input").value.trim());
    };
    $("ask-no").onclick = () => close(null);
    $("ask").oncancel = (event) => {
      event.preventDefault();
      close(null);
    };
    $("ask").showModal();
  });
}
