// Shows what a model writes: the part of Markdown that models use, as DOM nodes. No text ever becomes markup.

const FENCE = /^\s*(```|~~~)/;
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^\s*>\s?(.*)$/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;
const ROW = /^\s*\|(.*)\|\s*$/;
const DIVIDER = /^\s*\|(\s*:?-+:?\s*\|)+\s*$/;
const INLINE = /`([^`]+)`|\*\*(?=\S)(.+?)\*\*|\*(?=[^\s*])([^*]+)\*|\b_(?=\S)([^_]+)_\b|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>()]*[^\s<>().,;:!?'"])/;

/** A fragment with the text's blocks. */
export function render(text) {
  const fragment = document.createDocumentFragment();
  blocks(text.split("\n"), fragment);
  return fragment;
}

function blocks(lines, parent) {
  let at = 0;
  /** Takes the lines from here on for which `fits` holds. */
  const take = (fits) => {
    const from = at;
    while (at < lines.length && fits(lines[at])) at += 1;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    if (!line.trim()) {
      at += 1;
    } else if (FENCE.test(line)) {
      at += 1;
      const code = take((one) => !FENCE.test(one));
      at += 1;
      parent.append(element("pre", element("code", code.join("\n"))));
      parent.lastChild.tabIndex = 0; // it scrolls sideways, and so by keyboard, too
    } else if (HEADING.test(line)) {
      parent.append(inline(element("h3"), line.match(HEADING)[1]));
      at += 1;
    } else if (RULE.test(line)) {
      parent.append(element("hr"));
      at += 1;
    } else if (QUOTE.test(line)) {
      const quote = element("blockquote");
      blocks(take((one) => QUOTE.test(one)).map((one) => one.match(QUOTE)[1]), quote);
      parent.append(quote);
    } else if (ITEM.test(line)) {
      parent.append(list(take((one) => ITEM.test(one) || /^\s+\S/.test(one))));
    } else if (ROW.test(line) && DIVIDER.test(lines[at + 1] ?? "")) {
      parent.append(table(take((one) => ROW.test(one))));
    } else {
      const paragraph = element("p");
      const taken = [lines[at++], ...take((one) => one.trim() && !begins(one))];
      taken.forEach((one, number) => {
        if (number) paragraph.append(element("br"));
        inline(paragraph, one.trim());
      });
      parent.append(paragraph);
    }
  }
}

function begins(line) {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((pattern) => pattern.test(line));
}

function list(lines) {
  const [, indent, mark] = lines[0].match(ITEM);
  const made = element(/\d/.test(mark) ? "ol" : "ul");
  if (/\d/.test(mark)) made.start = parseInt(mark, 10);
  let inner = [];
  const close = () => {
    blocks(inner.map((line) => line.replace(/^ {1,4}/, "")), made.lastChild);
    inner = [];
  };
  for (const line of lines) {
    const item = line.match(ITEM);
    if (item && item[1].length <= indent.length) {
      if (made.lastChild) close();
      made.append(inline(element("li"), item[3]));
    } else {
      inner.push(line);
    }
  }
  close();
  return made;
}

function table(lines) {
  const cells = (line) => line.match(ROW)[1].split("|").map((cell) => cell.trim());
  const row = (line, name) => element("tr", ...cells(line).map((cell) => inline(element(name), cell)));
  const [head, , ...rest] = lines;
  const made = element("table", element("thead", row(head, "th")), element("tbody", ...rest.map((one) => row(one, "td"))));
  const frame = element("div", made);
  frame.className = "wide";
  frame.tabIndex = 0;
  return frame;
}

function inline(parent, text) {
  let rest = text;
  for (let found = rest.match(INLINE); found; found = rest.match(INLINE)) {
    const [whole, code, strong, starred, underlined, label, target, address] = found;
    parent.append(rest.slice(0, found.index));
    if (code) parent.append(element("code", code));
    else if (strong) parent.append(inline(element("strong"), strong));
    else if (starred || underlined) parent.append(inline(element("em"), starred ?? underlined));
    else parent.append(link(label ?? address, target ?? address));
    rest = rest.slice(found.index + whole.length);
  }
  parent.append(rest);
  return parent;
}

function link(label, address) {
  const made = element("a", label);
  made.href = address;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}
