// Text on the page. Whatever strangers wrote becomes a text node here and nothing else: no file of ours sets markup.

/** Characters that a reader would not see, or that reorder what is seen: controls, bidi marks, lone surrogates. */
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udfff]/g;

const codePoint = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** A stranger's text for where only a string will do: an attribute, a label in a chart. */
const plain = (text) => String(text).replace(HIDDEN, (character) => `⟨${codePoint(character)}⟩`);

/** A stranger's text as nodes, what cannot be seen spelt out. */
function visible(text) {
  const nodes = [];
  let last = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found.index > last) nodes.push(text.slice(last, found.index));
    nodes.push(el("span", { class: "hidden-character", title: "a character that cannot be seen" }, codePoint(found[0])));
    last = found.index + found[0].length;
  }
  nodes.push(text.slice(last));
  return nodes;
}

/** A stranger's name, kept apart from the text around it whatever its direction. */
const name = (text) => el("bdi", {}, ...visible(String(text)));

/** An element. A function becomes a listener; a child that is a string becomes a text node. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const percent = (value, digits = 1) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(digits)}%`);
const interval = (bounds) => (bounds ? `${(100 * bounds[0]).toFixed(1)}–${(100 * bounds[1]).toFixed(1)}` : "–");
const count = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** An amount to three significant digits, in the report's unit of cost. */
function money(value, unit = report.run.cost_unit) {
  if (value === null || value === undefined) return "–";
  const digits = value === 0 ? "0" : Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 10 });
  return unit === "usd" ? `$${digits}`.replace("$-", "-$") : digits;
}

/** A table: `columns` of {head, cell(row), text: is it no number}. */
function table(caption, columns, rows) {
  return el(
    "table",
    {},
    el("caption", {}, caption),
    el("thead", {}, el("tr", {}, columns.map((column) => el("th", { scope: "col", class: column.text ? "" : "number" }, column.head)))),
    el(
      "tbody",
      {},
      rows.map((row) =>
        el(
          "tr",
          {},
          columns.map((column, index) => {
            const attributes = { class: column.text ? "" : "number", ...(index === 0 ? { scope: "row" } : {}) };
            return el(index === 0 ? "th" : "td", attributes, column.cell(row));
          }),
        ),
      ),
    ),
  );
}

/** The bytes of a packed block, unpacked and parsed. */
async function unpack(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

const parse = (id) => JSON.parse(document.getElementById(id).textContent);
const report = parse("data-report");
const about = parse("data-about");
const verdictRows = parse("data-verdicts");
const chunkStarts = parse("data-chunks");
