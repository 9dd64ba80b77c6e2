// Talks to the agent: one question, and its events as they come.

const PREFIX = "urn:vitracka:problem:";

// What the problem means to the person at the keyboard. Types that are missing here are shown by their title.
const KINDLY = {
  "unauthorized": "This agent answers only with a valid API key.",
  "session-busy": "The agent is still busy with this conversation. Give it a moment, then try again.",
  "body-too-large": "That message is too long. Shorten it and send it again.",
  "conversation-too-long": "This conversation has grown too long for the model. Start a new one to go on.",
  "too-many-invocations": "The agent has its hands full right now. Try again in a moment.",
  "model-throttled": "The model is very busy right now. Try again in a moment.",
  "internal-error": "Something went wrong inside the agent. It is not your message's fault.",
  "model-failed": "The model broke off. Trying again often helps.",
  "limit-reached": "The agent went in circles without finding an answer. Try to ask differently.",
  "session-store-failed": "The conversation could not be loaded or saved. Try again in a moment.",
  "draining": "The agent is just being restarted. Try again in a few seconds.",
  "not-ready": "The agent is just starting. Try again in a few seconds.",
  "deadline-exceeded": "The agent took too long. Try again, or ask for less at a time.",
  "model-timeout": "The model took too long. Try again in a moment.",
};

/** What went wrong, in words for people: `message`, and what helps whoever looks after the agent. */
export class Problem extends Error {
  constructor(message, { name = "", reference = "", retryable = true } = {}) {
    super(message);
    this.kind = name;
    this.reference = reference;
    this.retryable = retryable;
  }

  /** From a problem document (RFC 9457). */
  static of(told, retryAfter = null) {
    const name = String(told.type ?? "").replace(PREFIX, "");
    let message = KINDLY[name] ?? told.title ?? "The agent could not answer.";
    if (Array.isArray(told.errors)) message += ` ${told.errors.map((one) => one.detail).join(". ")}.`;
    else if (!(name in KINDLY) && told.detail) message += ` ${told.detail}`;
    const seconds = Number(retryAfter);
    if (seconds > 5) message += ` It expects to be free in about ${seconds} seconds.`;
    const retryable = !["unauthorized", "invalid-request", "bad-request", "body-too-large"].includes(name);
    return new Problem(message, { name, reference: told.request_id ?? "", retryable });
  }
}

/** Yields `{name, data}` for each event but `error`, which is thrown as a Problem. */
export async function* ask(prompt, { session, key, signal }) {
  const response = await post(prompt, session, key, signal);
  if (!response.ok || !response.body) throw await refusal(response);
  let complete = false;
  for await (const event of events(response.body)) {
    if (event.name === "error") throw Problem.of(event.data);
    complete = event.name === "done";
    yield event;
  }
  if (!complete) throw new Problem("The connection was lost before the answer was complete.");
}

async function post(prompt, session, key, signal) {
  const headers = { "Accept": "text/event-stream", "Content-Type": "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  const body = JSON.stringify(session ? { prompt, session_id: session } : { prompt });
  try {
    // Relative: the agent may live under a path of its own behind a load balancer.
    return await fetch("invocations", { method: "POST", headers, body, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The agent can't be reached. Check your connection, then try again.");
  }
}

async function refusal(response) {
  try {
    return Problem.of(await response.json(), response.headers.get("Retry-After"));
  } catch {
    return new Problem(`The agent can't be reached just now (status ${response.status}). Try again in a moment.`);
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      buffer += value;
      const blocks = buffer.split("\n\n");
      buffer = blocks.pop();
      for (const block of blocks) yield parse(block);
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The connection was lost before the answer was complete.");
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  const fields = { event: "message", data: "" };
  for (const line of block.split("\n")) {
    const [, name, value] = line.match(/^(event|data): ?(.*)$/) ?? [];
    if (name) fields[name] = value;
  }
  return { name: fields.event, data: JSON.parse(fields.data || "{}") };
}
