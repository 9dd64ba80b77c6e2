// The page: keeps the conversation of this tab, its key and its bill, and lets one question run at a time.

import { ask, Problem } from "./agent.js";
import { Turn } from "./turns.js";

const at = (id) => document.getElementById(id);
const { agent, secured } = document.documentElement.dataset;
const KEEP = `conversation ${location.pathname}`;
const KEY = `key ${location.pathname}`;
const NEAR_THE_END = 40;
const touched = matchMedia("(pointer: coarse)").matches;

let session = null;
let turns = [];
let bill = { tokens: 0, cost: 0, known: true };
let running = null;
let following = true;
let lastTop = 0;

// Storage may be full, or forbidden: then the page forgets on a reload, and works all the same.
const stored = {
  get(name) {
    try { return sessionStorage.getItem(name); } catch { return null; }
  },
  set(name, value) {
    try {
      if (value === null) sessionStorage.removeItem(name);
      else sessionStorage.setItem(name, value);
    } catch { /* see above */ }
  },
};

let key = stored.get(KEY);

async function submit(prompt) {
  const turn = add({ prompt, parts: [] });
  running = new AbortController();
  turn.waiting(true);
  controls();
  // The button that was pressed is gone, and focus must not go with it.
  if (document.activeElement !== at("prompt")) at("stop").focus();
  scroll(true);
  say(`${agent} is answering.`);
  try {
    for await (const { name, data } of ask(prompt, { session, key, signal: running.signal })) follow(turn, name, data);
    say(`${agent} answered: ${turn.text}`);
  } catch (error) {
    if (error.name === "AbortError") stop(turn);
    else fail(turn, error);
  } finally {
    running = null;
    const lost = [at("stop"), document.body].includes(document.activeElement);
    keep();
    controls();
    scroll();
    if (lost) write();
  }
}

function follow(turn, name, data) {
  if (name === "token") turn.token(data.text);
  if (name === "tool") {
    turn.tool(data);
    if (data.status === "started") say(`${agent} uses the tool ${data.name}.`);
  }
  if (name === "done") {
    session = data.session_id;
    count(data.usage);
    turn.done(facts(data));
  }
  scroll();
}

function stop(turn) {
  turn.stopped();
  say("Stopped.");
}

function fail(turn, error) {
  if (!(error instanceof Problem)) console.error(error);
  const { message, reference, kind, retryable } = error instanceof Problem ? error : new Problem("The page itself made a mistake. Reload it.");
  const retry = () => {
    turn.node.remove();
    turns = turns.filter((one) => one !== turn);
    submit(turn.record.prompt);
  };
  turn.failed({ message, reference }, retryable ? retry : null);
  say(message);
  if (!retryable && !at("prompt").value) at("prompt").value = turn.record.prompt;
  if (kind === "unauthorized") askForKey();
}

// ---- what it cost

function facts({ usage, duration_ms }) {
  const cached = usage.cached_tokens ? ` (${number(usage.cached_tokens)} cached)` : "";
  const tokens = `${number(usage.input_tokens)} tokens in${cached}, ${number(usage.output_tokens)} out`;
  return [tokens, dollars(usage.cost_usd), `${(duration_ms / 1000).toFixed(1)} s`].join(" · ");
}

function count(usage) {
  bill.tokens += usage.input_tokens + usage.output_tokens;
  bill.cost += usage.cost_usd ?? 0;
  bill.known &&= usage.cost_usd !== null;
}

function dollars(amount) {
  if (amount === null) return "price not known";
  return `$${amount.toFixed(amount === 0 || amount >= 1 ? 2 : 6)}`;
}

function number(value) {
  return value.toLocaleString("en");
}

// ---- the conversation of this tab

function add(record) {
  const turn = new Turn(record);
  turns.push(turn);
  at("turns").append(turn.node);
  return turn;
}

function keep() {
  stored.set(KEEP, turns.length ? JSON.stringify({ session, bill, turns: turns.map((turn) => turn.record) }) : null);
}

function restore() {
  try {
    const kept = JSON.parse(stored.get(KEEP) ?? "null");
    if (!kept) return;
    ({ session, bill } = kept);
    kept.turns.forEach(add);
    scroll(true);
  } catch {
    stored.set(KEEP, null); // of another version of this page
  }
}

function startAnew() {
  running?.abort();
  turns.forEach((turn) => turn.node.remove());
  turns = [];
  session = null;
  bill = { tokens: 0, cost: 0, known: true };
  keep();
  controls();
  say("A new conversation.");
  write();
}

// ---- the key

function askForKey(open = true) {
  at("key-form").hidden = !open;
  at("key-button").setAttribute("aria-expanded", String(open));
  at("forget").hidden = !key;
  if (open) at("key").focus();
}

function useKey(value) {
  key = value;
  stored.set(KEY, value);
  at("key").value = "";
  askForKey(!value);
  if (value) write();
}

// ---- controls

function controls() {
  const written = at("prompt").value.trim() !== "";
  at("send").hidden = running !== null;
  at("send").disabled = !written;
  at("stop").hidden = running === null;
  at("new").disabled = turns.length === 0;
  at("welcome").hidden = turns.length > 0;
  at("total").hidden = bill.tokens === 0;
  at("total-tokens").textContent = `${number(bill.tokens)} tokens`;
  at("total-cost").textContent = bill.known ? dollars(bill.cost) : "";
}

/** Lets the person write on; on a phone that would bring up the keyboard, which is for them to do. */
function write() {
  if (!touched) at("prompt").focus();
}

function say(text) {
  at("said").textContent = text;
}

/** Keeps the newest in view, unless the person has scrolled up to read. */
function scroll(always = false) {
  following ||= always;
  if (following) document.scrollingElement.scrollTop = document.scrollingElement.scrollHeight;
}

addEventListener("scroll", () => {
  const { scrollHeight, clientHeight, scrollTop } = document.scrollingElement;
  if (scrollTop < lastTop) following = false;
  if (scrollHeight - clientHeight - scrollTop < NEAR_THE_END) following = true;
  lastTop = scrollTop;
}, { passive: true });

function grow() {
  const field = at("prompt");
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

at("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const prompt = at("prompt").value.trim();
  if (!prompt || running) return;
  at("prompt").value = "";
  grow();
  submit(prompt);
});
at("prompt").addEventListener("input", () => {
  grow();
  controls();
});
at("prompt").addEventListener("keydown", (event) => {
  // On a phone the return key starts a new line, and while a character is being composed it belongs to that.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || touched) return;
  event.preventDefault();
  at("composer").requestSubmit();
});
at("stop").addEventListener("click", () => {
  running?.abort();
});
at("new").addEventListener("click", startAnew);
at("suggestion").addEventListener("click", (event) => submit(event.target.textContent));
at("key-button").addEventListener("click", () => askForKey(at("key-form").hidden));
at("forget").addEventListener("click", () => useKey(null));
at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(at("key").value.trim());
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
});

at("key-button").hidden = secured !== "true";
restore();
grow();
controls();
if (secured === "true" && !key) askForKey();
