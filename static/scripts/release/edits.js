// What the buttons and keys of the editor do to a text. Pure: each function takes a state, the text with what is selected
// (`start` and `end`), and gives an edit, which text from where to where and what is selected then; or null for none.

const MARKER = /^(\s*)(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?/;
const LISTS = { bullets: /^\s*[-*+][ \t]+(?!\[[ xX]\][ \t])/, numbers: /^\s*\d{1,9}[.)][ \t]+/, tasks: /^\s*[-*+][ \t]+\[[ xX]\][ \t]+/ };
const PLACEHOLDER = "https://";

/** Gives the edit of a button by its name. */
export function findEdit(name, state) {
  if (name === "bold") return toggleMark(state, "**");
  if (name === "italic") return toggleMark(state, isInsideWord(state) ? "*" : "_");
  if (name === "code") return toggleCode(state);
  if (name === "link") return makeLink(state);
  if (name === "heading") return turnHeading(state);
  if (name === "quote") return toggleQuote(state);
  return toggleList(state, name);
}

function edit(from, to, insert, start, end = start) {
  return { from, to, insert, start, end };
}

/** Takes what is selected without the blanks around it, or the word at the caret. */
function findWord({ text, start, end }) {
  if (start === end) {
    while (start > 0 && /[\p{L}\p{N}\p{M}]/u.test(text.slice(start - 1, start))) start -= 1;
    while (end < text.length && /[\p{L}\p{N}\p{M}]/u.test(text.slice(end, end + 1))) end += 1;
    return { start, end };
  }
  while (start < end && /\s/.test(text[start])) start += 1;
  while (end > start && /\s/.test(text[end - 1])) end -= 1;
  return { start, end };
}

/** Whether letters stand right before or behind, where one underscore would be no mark. */
function isInsideWord(state) {
  const { start, end } = findWord(state);
  return /[\p{L}\p{N}]/u.test(state.text.slice(Math.max(0, start - 1), start) + state.text.slice(end, end + 1));
}

function toggleMark(state, mark) {
  const { text } = state;
  const { start, end } = findWord(state);
  const selected = text.slice(start, end);
  const size = mark.length;
  if (selected.includes("\n")) return markLines(state, mark);
  // One asterisk beside another is no mark of its own.
  const isMark = (at) => text.slice(at, at + size) === mark && (size > 1 || (text[at - 1] !== mark && text[at + 1] !== mark));
  if (start >= size && isMark(start - size) && isMark(end)) {
    const caret = (at) => Math.min(Math.max(at, start), end) - size;
    return edit(start - size, end + size, selected, caret(state.start), caret(state.end));
  }
  if (selected.length > 2 * size && selected.startsWith(mark) && selected.endsWith(mark)) {
    return edit(start, end, selected.slice(size, -size), start, end - 2 * size);
  }
  const isWord = state.start === state.end;
  return edit(start, end, mark + selected + mark, (isWord ? state.start : start) + size, (isWord ? state.end : end) + size);
}

/** Marks each line for itself, behind what makes it an item of a list: no mark reaches over the end of a paragraph. */
function markLines(state, mark) {
  const lines = takeLines(state);
  const parts = lines.list.map((line) => {
    const head = (line.match(MARKER) ?? line.match(/^\s*(?:#{1,6}\s+|(?:>\s?)+)?/))[0];
    return { head, body: line.slice(head.length).trimEnd() };
  });
  const isMarked = ({ body }) => !body || (body.length > 2 * mark.length && body.startsWith(mark) && body.endsWith(mark));
  const areMarked = parts.every(isMarked);
  return lines.replace(
    parts.map((part) => {
      if (!part.body) return part.head;
      if (areMarked) return part.head + part.body.slice(mark.length, -mark.length);
      return part.head + (isMarked(part) ? part.body : mark + part.body + mark);
    }),
  );
}

function toggleCode(state) {
  const { text } = state;
  const { start, end } = findWord(state);
  const selected = text.slice(start, end);
  if (selected.includes("\n")) return toggleFence(state);
  if (!selected.includes("`")) return toggleMark(state, "`");
  const isCode = /^`[^`]+`$/.test(selected);
  if (isCode) return edit(start, end, selected.slice(1, -1), start, end - 2);
  const ticks = "`".repeat(longestRun(selected) + 1);
  return edit(start, end, `${ticks} ${selected} ${ticks}`, start + ticks.length + 1, end + ticks.length + 1);
}

function toggleFence(state) {
  const lines = takeLines(state);
  const { list } = lines;
  const isFenced = list.length > 1 && /^(`{3,})[^`]*$/.test(list[0]) && /^`{3,}\s*$/.test(list.at(-1));
  if (isFenced) return lines.replace(list.slice(1, -1));
  const ticks = "`".repeat(Math.max(3, longestRun(list.join("\n")) + 1));
  return lines.replace([ticks, ...list, ticks]);
}

function longestRun(text) {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}

function makeLink(state) {
  const { text } = state;
  const { start, end } = findWord(state);
  const selected = text.slice(start, end);
  if (/^https?:\/\/\S+$/.test(selected)) return edit(start, end, `[](${selected})`, start + 1);
  const at = start + selected.length + (selected ? 3 : 1);
  if (!selected) return edit(start, end, `[](${PLACEHOLDER})`, at);
  return edit(start, end, `[${selected}](${PLACEHOLDER})`, at, at + PLACEHOLDER.length);
}

/** Takes a pasted text; gives the edit that makes a link of what is selected, if the text is an address. */
export function pasteLink({ text, start, end }, pasted) {
  const selected = text.slice(start, end);
  const address = pasted.trim();
  if (!selected.trim() || /[\n[\]]/.test(selected) || !/^https?:\/\/[^\s<>]+$/.test(address)) return null;
  if (/^https?:\/\/\S*$/.test(selected)) return null;
  const link = `[${selected}](${/[()]/.test(address) ? `<${address}>` : address})`;
  return edit(start, end, link, start + link.length);
}

/** The lines that the selection touches, and the edit that puts others in their place. */
function takeLines({ text, start, end }) {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  // Who selects whole lines stands at the beginning of the next one, which is not meant.
  const last = end > start && text[end - 1] === "\n" ? end - 1 : end;
  const found = text.indexOf("\n", last);
  const to = found < 0 ? text.length : found;
  const list = text.slice(from, to).split("\n");
  return {
    from,
    to,
    list,
    before: text.slice(0, from).split("\n").at(-2) ?? "",
    after: text.slice(to + 1).split("\n")[0],
    replace(lines, above = "", below = "") {
      const insert = lines.join("\n");
      const at = from + above.length;
      if (start !== end) return edit(from, to, above + insert + below, at, at + insert.length);
      // The caret stays where it was, counted from the end of its line.
      const caret = at + Math.max(0, insert.length - (to - start));
      return edit(from, to, above + insert + below, caret);
    },
  };
}

/** Nothing, a heading, a smaller one, and nothing again. */
function turnHeading(state) {
  const lines = takeLines(state);
  const level = lines.list.find((line) => line.trim())?.match(/^(#{1,6})\s/)?.[1].length ?? 0;
  const next = { 0: "## ", 2: "### ", 1: "## " }[level] ?? "";
  const isAlone = lines.list.length === 1;
  return lines.replace(
    lines.list.map((line) => (line.trim() || isAlone ? next + line.replace(/^#{1,6}\s+/, "") : line)),
  );
}

function toggleQuote(state) {
  const lines = takeLines(state);
  if (lines.list.every((line) => line.startsWith(">"))) return lines.replace(lines.list.map((line) => line.replace(/^> ?/, "")));
  return surround(lines, lines.list.map((line) => (line || lines.list.length === 1 ? `> ${line}` : ">")), /^>/);
}

function toggleList(state, kind) {
  const lines = takeLines(state);
  const filled = lines.list.filter((line) => line.trim());
  if (filled.length && filled.every((line) => LISTS[kind].test(line))) {
    return lines.replace(lines.list.map((line) => line.replace(MARKER, "$1")));
  }
  let number = 0;
  const isAlone = lines.list.length === 1;
  const made = lines.list.map((line) => {
    if (!line.trim() && !isAlone) return line;
    number += 1;
    const [indent, body] = [line.match(/^\s*/)[0], line.replace(MARKER, "").trimStart()];
    return indent + { bullets: "- ", tasks: "- [ ] ", numbers: `${number}. ` }[kind] + body;
  });
  return surround(lines, made, MARKER);
}

/** Keeps a paragraph apart from what follows or comes before it; what is of the same kind stays with it. */
function surround(lines, made, kin) {
  const above = lines.before.trim() && !kin.test(lines.before) ? "\n" : "";
  const below = lines.after.trim() && !kin.test(lines.after) && !/^\s/.test(lines.after) ? "\n" : "";
  return lines.replace(made, above, below);
}

/** Tab and Shift+Tab with several lines selected; null where Tab goes to the next field. */
export function indent(state, isBack) {
  const lines = takeLines(state);
  if (lines.list.length < 2) return null;
  // What belongs to an item stands below its first letter.
  const step = lines.list.some((line) => LISTS.numbers.test(line)) ? 3 : 2;
  const blanks = " ".repeat(step);
  const back = new RegExp(`^(?:\\t| {1,${step}})`);
  return lines.replace(lines.list.map((line) => (isBack ? line.replace(back, "") : line && blanks + line)));
}

/** Enter in a list: the next item, or the end of the list where the item is empty. Null where Enter is Enter. */
export function continueList({ text, start, end }) {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const line = text.slice(from, start);
  const marker = line.match(/^\s*(?:>\s?)*(?:([-*+])|(\d{1,9})([.)]))([ \t]+)(\[[ xX]\][ \t]+)?/);
  if (start !== end || !marker || isInFence(text.slice(0, from))) return null;
  const found = text.indexOf("\n", start);
  const rest = text.slice(start, found < 0 ? text.length : found);
  if (line.length === marker[0].length && !rest.trim()) return edit(from, start + rest.length, "", from);
  const [whole, bullet, number, point, gap, box] = marker;
  const lead = whole.match(/^\s*(?:>\s?)*/)[0];
  const next = bullet ?? `${Number(number) + 1}${point}`;
  const insert = `\n${lead}${next}${gap}${box ? "[ ] " : ""}`;
  return edit(start, start, insert, start + insert.length);
}

function isInFence(text) {
  return (text.match(/^ {0,3}(?:`{3,}|~{3,})/gm) ?? []).length % 2 === 1;
}

/** Puts a text of several lines in, apart from what stands around it. */
export function insertBlock({ text, start, end }, block) {
  const [before, after] = [text.slice(0, start), text.slice(end)];
  const above = before.trim() ? "\n".repeat(Math.max(0, 2 - before.match(/\n*$/)[0].length)) : "";
  const below = after.trim() ? "\n".repeat(Math.max(0, 2 - after.match(/^\n*/)[0].length)) : "";
  const [from, to] = [before.trim() ? start : 0, after.trim() ? end : text.length];
  const body = block.replace(/\n+$/, after.trim() ? "" : "\n");
  const caret = from + above.length + body.length;
  return edit(from, to, above + body + below, caret);
}
