// Shows turns: what the person said, and what the agent did and answered, piece by piece.

import { render } from "./markdown.js";

const AGENT = document.documentElement.dataset.agent;
const STATES = { started: "running", finished: "done", failed: "failed", stopped: "stopped" };

/**
 * One turn. `record` is all that is kept of it, and enough to show it again:
 * `{prompt, parts: [{text} | {tool: {id, name, input, status}}], facts, problem}`.
 */
export class Turn {
  constructor(record) {
    this.record = record;
    this.parts = element("div", "parts");
    this.facts = element("p", "facts quiet");
    this.answer = element("article", "answer", heading(`${AGENT} answered`), this.parts, this.facts);
    const said = element("p", "", record.prompt);
    this.node = element("div", "turn", element("article", "said", heading("You said"), said), this.answer);
    this.shown = new Map();
    record.parts.forEach((part) => this.show(part));
    if (record.facts) this.done(record.facts);
    if (record.problem) this.failed(record.problem);
  }

  /** The answer as words, without tools. */
  get text() {
    return this.record.parts.map((part) => part.text ?? "").join("\n").trim();
  }

  waiting(on) {
    this.answer.classList.toggle("waiting", on);
    this.answer.setAttribute("aria-busy", String(on));
  }

  token(text) {
    let part = this.record.parts.at(-1);
    if (part?.text === undefined) this.record.parts.push((part = { text: "" }));
    part.text += text;
    // Once a frame: a fast model sends more pieces than a screen has frames.
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  tool(event) {
    let part = this.record.parts.find((one) => one.tool?.id === event.id);
    if (!part) this.record.parts.push((part = { tool: {} }));
    Object.assign(part.tool, event);
    this.paint();
  }

  done(facts) {
    this.record.facts = facts;
    this.end();
    this.facts.textContent = facts;
  }

  stopped() {
    this.end();
    this.record.facts = this.facts.textContent = "Stopped. The agent does not remember this turn.";
  }

  failed(problem, retry = null) {
    this.record.problem = problem;
    this.end();
    this.note = element("div", "problem", element("p", "", problem.message));
    if (problem.reference) this.note.append(element("p", "quiet", "Reference ", element("code", "", problem.reference)));
    if (retry) {
      const button = element("button", "", "Try again");
      button.type = "button";
      button.addEventListener("click", retry);
      this.note.append(button);
    }
    this.answer.append(this.note);
  }

  end() {
    this.waiting(false);
    for (const { tool } of this.record.parts) if (tool?.status === "started") tool.status = "stopped";
    this.paint();
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    const settled = this.record.parts.slice(0, -1);
    settled.forEach((part) => (part.tool || !this.shown.has(part)) && this.show(part));
    if (this.record.parts.length) this.show(this.record.parts.at(-1));
  }

  show(part) {
    if (!this.shown.has(part)) {
      this.shown.set(part, part.tool ? new Tool() : { node: element("div", "text") });
      this.parts.append(this.shown.get(part).node);
    }
    const view = this.shown.get(part);
    if (part.tool) view.update(part.tool);
    else view.node.replaceChildren(render(part.text));
  }
}

/** A tool call: its name and state; what it was asked, when opened. */
class Tool {
  constructor() {
    this.name = element("code");
    this.state = element("span", "state");
    this.input = element("dl");
    this.node = element("details", "tool", element("summary", "", this.name, this.state), this.input);
  }

  update({ name, input, status }) {
    this.node.dataset.status = status;
    this.name.textContent = name;
    this.state.textContent = STATES[status] ?? status;
    const entries = Object.entries(input ?? {});
    const words = entries.flatMap(([key, value]) => [element("dt", "", key), element("dd", "", plain(value))]);
    this.input.replaceChildren(...(words.length ? words : [element("dd", "quiet", "It was asked without any input.")]));
  }
}

function plain(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 1);
}

function heading(text) {
  return element("h2", "hidden", text);
}

export function element(name, className = "", ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
