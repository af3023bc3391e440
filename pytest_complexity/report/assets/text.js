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
    nodes.push(
      el("span", { class: "hidden-character", title: "a character that cannot be seen" }, codePoint(found[0])),
    );
    last = found.index + found[0].length;
  }
  nodes.push(text.slice(last));
  return nodes;
}

/** What an object has of its own by a stranger's name, which may be `constructor`. */
const own = (object, key) => (object && Object.hasOwn(object, key) ? object[key] : undefined);

/** A stranger's name, kept apart from the text around it whatever its direction. */
const name = (text) => el("bdi", {}, ...visible(String(text)));

/** An element. A function becomes a listener; a child that is a string becomes a text node. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const share = (value, digits) => (100 * value).toFixed(digits).replace("-", "−");
const percent = (value, digits = 1) => (value === null || value === undefined ? "–" : `${share(value, digits)}%`);
const interval = (bounds) => (bounds ? `${share(bounds[0], 1)} to ${share(bounds[1], 1)}` : "–");
const count = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** So many decimals that the least of some amounts keeps two digits: all of them then align. */
const decimals = (amounts) => {
  const least = d3.min(amounts.filter((amount) => amount > 0));
  return least ? Math.max(2, Math.min(8, 1 - Math.floor(Math.log10(least)))) : 2;
};
const dollars = (value, digits) =>
  value === null || value === undefined
    ? "–"
    : value === 0
      ? "$0"
      : `$${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
const units = (value) =>
  value === null || value === undefined
    ? "–"
    : value.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** What is paid for one task. */
const money = (value) => (IN_DOLLARS ? dollars(value, TASK_DECIMALS) : units(value));

/** What a policy costs: dollars for a thousand tasks, or units for one. */
const rate = (value) =>
  IN_DOLLARS ? dollars(value === null || value === undefined ? null : 1000 * value, RATE_DECIMALS) : units(value);
const rateHead = () => (IN_DOLLARS ? "cost per 1,000 tasks" : "cost per task");
const rates = (bounds) => (bounds ? `${rate(bounds[0])} to ${rate(bounds[1])}` : "–");

/** A difference of shares, in percentage points. */
const points = (value) => {
  if (value === null || value === undefined) return "–";
  const shown = (100 * value).toFixed(1);
  return Number(shown) > 0 ? `+${shown}` : shown.replace(/^-0\.0$/, "0.0").replace("-", "−");
};
const pointsInterval = (bounds) => (bounds ? `${points(bounds[0])} to ${points(bounds[1])}` : "–");

/** A figure with its interval below it, in a table. */
const bounded = (value, bounds) => (bounds === "–" ? value : [value, el("small", {}, bounds)]);

const decimalsOf = (digits) => (value) => (value === null || value === undefined ? "–" : value.toFixed(digits));

/** How a value of each style of `report/columns.py` is written, and its interval. */
const STYLES = {
  percent: { write: percent, interval },
  points: { write: points, interval: pointsInterval },
  cost: { write: rate, interval: rates },
  count: { write: count },
  dollars: { write: (value, values) => dollars(value, decimals(values.map((each) => each ?? 0))) },
  seconds: { write: decimalsOf(2) },
  two: { write: decimalsOf(2) },
  three: { write: decimalsOf(3) },
};

/** What stands at a dotted path of a row. */
const at = (row, path) => path.split(".").reduce((found, step) => own(found, step), row);

/** The columns of a table as `report/columns.py` lists them. */
const listed = (columns, rows) =>
  columns.map(({ head, key, style, bounds, bounds_in }) => ({
    head,
    cell: (row) => {
      const shown = STYLES[style].write(
        at(row, key),
        rows.map((each) => at(each, key)),
      );
      return bounds && bounds_in.includes("page") ? bounded(shown, STYLES[style].interval(at(row, bounds))) : shown;
    },
  }));

/** A table: `columns` of {head, cell(row), text: is it no number}. */
function table(caption, columns, rows) {
  return el(
    "table",
    {},
    el("caption", {}, caption),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        columns.map((column) => el("th", { scope: "col", class: column.text ? "" : "number" }, column.head)),
      ),
    ),
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
const changed = parse("data-changes"); // null where there is no earlier run to compare with
const IN_DOLLARS = report.run.cost_unit === "usd";
const TASK_DECIMALS = decimals(report.tasks.flatMap((task) => task.costs ?? []));
const RATE_DECIMALS = decimals(Object.values(report.policies).map((score) => 1000 * (score.cost ?? 0)));
