// The charts. Colours are the variables of page.css, so that a change of theme needs no new drawing; every kind has a
// shape of its own besides its colour.

const KINDS = {
  simple: { word: "one model for every task", symbol: "circle", colour: "var(--simple)" },
  router: { word: "decides from the prompt", symbol: "diamond", colour: "var(--router)" },
  cascade: { word: "checks answers and asks on", symbol: "square", colour: "var(--cascade)" },
  informed: { word: "knows the outcomes", symbol: "star", colour: "var(--informed)" },
  control: { word: "mixes blindly", symbol: "triangle", colour: "var(--control)" },
};
const FIRST = ["cascade", "router", "simple", "informed", "control"]; // what is named first has the better places
const ORDER = ["control", "simple", "informed", "router", "cascade"]; // what is drawn last lies on top

const BASE_STYLE = {
  background: "transparent",
  color: "inherit",
  fontFamily: "inherit",
  fontSize: "13px",
  overflow: "visible",
};

/** Draws into a container, again whenever its width has changed. */
function drawn(container, draw) {
  let width = 0;
  const redraw = () => {
    const now = Math.floor(container.clientWidth);
    if (now > 0 && now !== width) {
      width = now;
      container.replaceChildren(draw(width));
    }
  };
  new ResizeObserver(redraw).observe(container);
  redraw();
  return () => {
    width = 0;
    redraw();
  };
}

/** A chart of the library, with a text for those who do not see it. */
function plot(label, options) {
  const chart = Plot.plot({ style: BASE_STYLE, ariaLabel: label, ...options });
  const svg = chart.tagName === "svg" ? chart : chart.querySelector("svg");
  svg.setAttribute("role", "figure");
  return chart;
}

// -- tooltips -------------------------------------------------------------------------------------------------------

const tip = document.getElementById("tip");

/** Makes a mark say its lines under the pointer, under the keyboard's focus and under a finger. */
function tells(mark, title, lines) {
  mark.setAttribute("tabindex", "0");
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", [title, ...lines].join("; "));
  const show = () => {
    tip.replaceChildren(el("strong", {}, title), ...lines.map((line) => el("div", {}, line)));
    tip.hidden = false;
    const box = mark.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const left = Math.min(
      Math.max(8, box.left + box.width / 2 - own.width / 2),
      document.documentElement.clientWidth - own.width - 8,
    );
    const above = box.top - own.height - 10;
    tip.style.left = `${left + window.scrollX}px`;
    tip.style.top = `${(above > 4 ? above : box.bottom + 10) + window.scrollY}px`;
  };
  const hide = () => {
    tip.hidden = true;
  };
  mark.addEventListener("pointerenter", show);
  mark.addEventListener("pointerleave", hide);
  mark.addEventListener("focus", show);
  mark.addEventListener("blur", hide);
  mark.addEventListener("click", show);
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") tip.hidden = true;
});

// -- the plane ------------------------------------------------------------------------------------------------------

const policyName = (key) => plain(key.startsWith("always-") ? key.slice("always-".length) : key);
const unitOfCost = () => (IN_DOLLARS ? "US dollars per 1,000 tasks" : "cost per task, in units");

/** The points of the plane: every policy that was scored, cheapest first within its kind. */
function policyPoints() {
  return Object.entries(report.policies)
    .filter(([, score]) => score.accuracy !== null && score.cost !== null)
    .map(([key, score]) => ({ key, ...score, label: policyName(key) }))
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.cost - b.cost);
}

/** Points along straight lines of the plane, close enough for them to bend as they must on a logarithmic axis. */
function densely(vertices) {
  const dense = vertices.slice(0, 1);
  for (let index = 1; index < vertices.length; index++) {
    for (let step = 1; step <= 40; step++) {
      const share = step / 40;
      const [from, to] = [vertices[index - 1], vertices[index]];
      dense.push({
        cost: from.cost + share * (to.cost - from.cost),
        accuracy: from.accuracy + share * (to.accuracy - from.accuracy),
      });
    }
  }
  return dense;
}

const tickOfCost = (cost) => {
  const shown = IN_DOLLARS ? 1000 * cost : cost;
  return shown.toLocaleString("en", { maximumSignificantDigits: 3 });
};

function plane(width, logarithmic) {
  const shown = policyPoints();
  const narrow = width < 560;
  const hull = report.curves?.zero_router ?? [];
  const sweep = report.curves?.router ?? [];
  const frontier = report.curves?.cascades ?? [];
  const chart = plot(
    `Cost and quality of ${shown.length} policies: share of tasks solved against ${unitOfCost()}. The table beside it has the same figures.`,
    {
      width,
      height: narrow ? 330 : Math.min(480, Math.max(360, width * 0.62)),
      marginLeft: 46,
      marginRight: narrow ? 16 : 28,
      marginBottom: 42,
      marginTop: 28,
      x: {
        type: logarithmic ? "log" : "linear",
        label: unitOfCost(),
        labelAnchor: "center",
        labelArrow: "none",
        nice: !logarithmic,
        ticks: narrow ? 4 : 7,
        tickFormat: (cost) => tickOfCost(cost),
        zero: !logarithmic,
      },
      y: {
        label: "tasks solved",
        labelArrow: "none",
        percent: true,
        nice: true,
        ticks: 6,
        tickFormat: (share) => `${share}%`,
      },
      marks: [
        Plot.gridX({ stroke: "var(--grid)", strokeOpacity: 1, ticks: narrow ? 4 : 7 }),
        Plot.gridY({ stroke: "var(--grid)", strokeOpacity: 1, ticks: 6 }),
        Plot.line(densely(hull), {
          x: "cost",
          y: "accuracy",
          stroke: "var(--control)",
          strokeWidth: 1.5,
          strokeDasharray: "5 4",
        }),
        Plot.line(sweep, { x: "cost", y: "accuracy", stroke: "var(--router)", strokeWidth: 1.5 }),
        Plot.line(frontier, { x: "cost", y: "accuracy", stroke: "var(--cascade)", strokeWidth: 1.5 }),
        Plot.ruleX(
          shown.filter((each) => each.accuracy_ci),
          {
            x: "cost",
            y1: (each) => each.accuracy_ci[0],
            y2: (each) => each.accuracy_ci[1],
            stroke: (each) => KINDS[each.kind].colour,
            strokeWidth: 1.5,
            strokeOpacity: 0.65,
          },
        ),
        Plot.ruleY(
          shown.filter((each) => each.cost_ci),
          {
            y: "accuracy",
            x1: (each) => each.cost_ci[0],
            x2: (each) => each.cost_ci[1],
            stroke: (each) => KINDS[each.kind].colour,
            strokeWidth: 1.5,
            strokeOpacity: 0.65,
          },
        ),
        Plot.dot(shown, {
          x: "cost",
          y: "accuracy",
          symbol: (each) => KINDS[each.kind].symbol,
          fill: (each) => KINDS[each.kind].colour,
          stroke: "var(--paper)",
          strokeWidth: 1,
          r: 6.5,
          className: "points",
        }),
      ],
      symbol: { type: "identity" },
      color: { type: "identity" },
    },
  );
  const marks = [
    ...chart.querySelectorAll(
      "g.points > path, g.points > circle, g[aria-label=dot] > path, g[aria-label=dot] > circle",
    ),
  ];
  marks.forEach((mark, index) => {
    mark.dataset.policy = shown[index].key;
    tells(mark, shown[index].label, policyLines(shown[index]));
  });
  if (shown.length)
    labels(
      chart,
      shown.map((each) => ({ ...each, colour: KINDS[each.kind].colour })),
    );
  return chart;
}

function policyLines(policy) {
  const lines = [
    KINDS[policy.kind].word,
    `solves ${percent(policy.accuracy)} (95%: ${interval(policy.accuracy_ci)})`,
    `${rateHead()}: ${rate(policy.cost)} (${rates(policy.cost_ci)})`,
  ];
  if (policy.saving !== null) lines.push(`saves ${percent(policy.saving)} (${interval(policy.saving_ci)})`);
  return lines;
}

/** Writes each point's name where it covers neither a point nor another name; where there is no room, hover tells. */
function labels(chart, shown) {
  const [x, y] = [chart.scale("x").apply, (share) => chart.scale("y").apply(share * 100)];
  const [width, height] = [Number(chart.getAttribute("width")), Number(chart.getAttribute("height"))];
  const taken = shown.map((each) => ({
    left: x(each.cost) - 8,
    right: x(each.cost) + 8,
    top: y(each.accuracy) - 8,
    bottom: y(each.accuracy) + 8,
  }));
  const free = (box) =>
    box.left >= 46 &&
    box.right <= width &&
    box.top >= 14 &&
    box.bottom <= height - 40 &&
    taken.every(
      (other) => box.right < other.left || box.left > other.right || box.bottom < other.top || box.top > other.bottom,
    );
  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = `600 13px ${getComputedStyle(document.body).fontFamily}`;
  const write = (text, colour, places) => {
    const wide = ruler.measureText(text).width;
    for (const [left, middle] of places(wide)) {
      const box = { left, right: left + wide, top: middle - 8, bottom: middle + 8 };
      if (!free(box)) continue;
      taken.push(box);
      d3.select(chart)
        .append("text")
        .attr("x", left)
        .attr("y", middle)
        .attr("dy", "0.35em")
        .attr("text-anchor", "start")
        .attr("fill", colour)
        .attr("class", "point-label")
        .attr("aria-hidden", "true")
        .text(text);
      return;
    }
  };
  for (const each of [...shown].sort((a, b) => FIRST.indexOf(a.kind) - FIRST.indexOf(b.kind))) {
    const [px, py] = [x(each.cost), y(each.accuracy)];
    const text = each.label.length > 30 ? `${each.label.slice(0, 29)}…` : each.label;
    write(text, each.colour, (wide) => [
      [px + 11, py - 9],
      [px - 11 - wide, py - 9],
      [px + 11, py + 10],
      [px - 11 - wide, py + 10],
      [px - wide / 2, py - 18],
      [px - wide / 2, py + 19],
      [px - wide + 8, py - 20],
      [px - wide + 8, py + 21],
      [px - 8, py - 20],
      [px - 8, py + 21],
    ]);
  }
}

/** An entry of a legend. */
const entry = (mark, word) => el("span", { class: "entry" }, mark, word);

/** A shape as the charts draw it, filled or, for marks of the second order, as an outline. */
function glyph({ symbol, colour }, filled = true) {
  const symbols = {
    circle: d3.symbolCircle,
    diamond: d3.symbolDiamond,
    star: d3.symbolStar,
    triangle: d3.symbolTriangle,
    square: d3.symbolSquare,
  };
  const svg = d3
    .create("svg")
    .attr("width", 16)
    .attr("height", 16)
    .attr("viewBox", "-8 -8 16 16")
    .attr("aria-hidden", "true");
  svg
    .append("path")
    .attr("d", d3.symbol(symbols[symbol], 70)())
    .attr("fill", filled ? colour : "none")
    .attr("stroke", colour)
    .attr("stroke-width", 1.5);
  return svg.node();
}

/** One legend entry for each kind and line that the plane shows. */
function legend() {
  const kinds = new Set(policyPoints().map((each) => each.kind));
  const line = (colour, dashes) => {
    const svg = d3.create("svg").attr("width", 24).attr("height", 16).attr("aria-hidden", "true");
    svg
      .append("line")
      .attr("x2", 24)
      .attr("y1", 8)
      .attr("y2", 8)
      .attr("stroke", colour)
      .attr("stroke-width", 2)
      .attr("stroke-dasharray", dashes);
    return svg.node();
  };
  return [
    ...Object.entries(KINDS)
      .filter(([key]) => kinds.has(key))
      .map(([, kind]) => entry(glyph(kind), kind.word)),
    (report.curves?.zero_router ?? []).length > 1
      ? entry(line("var(--control)", "5 4"), "zero router: two models mixed blindly")
      : null,
    (report.curves?.router ?? []).length > 1
      ? entry(line("var(--router)", null), "the router at every price of a solved task")
      : null,
    (report.curves?.cascades ?? []).length > 1
      ? entry(line("var(--cascade)", null), "tuned cascades at every price of a solved task")
      : null,
  ].filter(Boolean);
}

// -- the other charts -------------------------------------------------------------------------------------------------

/** Names of rows: left of them where there is room, else above each, in full. */
function rowNames(width, names) {
  const room = Math.max(...names.map((each) => each.length)) * 7.4 + 12;
  const beside = room <= width * 0.36;
  return {
    options: {
      marginLeft: beside ? room : 16,
      height: 65 + (beside ? 36 : 54) * names.length,
      y: {
        label: null,
        domain: names,
        axis: beside ? "left" : null,
        type: "band",
        tickSize: 0,
        padding: beside ? 0.2 : 0.5,
      },
    },
    marks: beside
      ? []
      : [
          Plot.text(names, {
            y: (each) => each,
            text: (each) => each,
            frameAnchor: "left",
            textAnchor: "start",
            dx: -12,
            dy: -24,
          }),
        ],
  };
}

const PASSES = { 5: "square", 10: "triangle" };

function modelsChart(width) {
  const rows = Object.entries(report.models)
    .map(([key, score]) => ({ name: plain(key), ...score }))
    .filter((row) => row.accuracy !== null);
  const passes = rows.flatMap((row) =>
    Object.entries(row.pass_at)
      .filter(([k, share]) => k !== "1" && share !== null)
      .map(([k, share]) => ({ name: row.name, k, share })),
  );
  const names = rowNames(
    width,
    rows.map((row) => row.name),
  );
  const chart = plot("Share of tasks that each model solves, with 95% intervals. The table below has the figures.", {
    width,
    ...names.options,
    marginRight: 24,
    marginBottom: 40,
    x: {
      label: "tasks solved",
      labelAnchor: "center",
      labelArrow: "none",
      percent: true,
      domain: [0, 100],
      grid: true,
      ticks: width < 500 ? 4 : 10,
      tickFormat: (share) => `${share}%`,
    },
    marks: [
      ...names.marks,
      Plot.ruleY(
        rows.filter((row) => row.accuracy_ci),
        {
          y: "name",
          x1: (row) => row.accuracy_ci[0],
          x2: (row) => row.accuracy_ci[1],
          stroke: "var(--simple)",
          strokeWidth: 5,
          strokeOpacity: 0.45,
        },
      ),
      Plot.dot(rows, { y: "name", x: "accuracy", fill: "var(--simple)", r: 6 }),
      Plot.dot(passes, {
        y: "name",
        x: "share",
        symbol: (each) => PASSES[each.k],
        stroke: "currentColor",
        r: 5,
        strokeWidth: 1.5,
      }),
    ],
    symbol: { type: "identity" },
  });
  const shown = Object.keys(PASSES).filter((k) => passes.some((each) => each.k === k));
  const entries = shown.map((k) => entry(glyph({ symbol: PASSES[k], colour: "currentColor" }, false), `pass@${k}`));
  return el(
    "div",
    {},
    chart,
    el("p", { class: "legend" }, entry(glyph(KINDS.simple), "right, with its 95% interval"), entries),
  );
}

function verdictsChart(width) {
  const kinds = about.verdicts;
  const rows = Object.entries(report.models)
    .flatMap(([key, score]) => kinds.map((kind) => ({ name: plain(key), kind, trials: score.verdicts?.[kind] ?? 0 })))
    .filter((row) => row.trials);
  const seen = kinds.filter((kind) => rows.some((row) => row.kind === kind));
  const names = rowNames(width, Object.keys(report.models).map(plain));
  const chart = plot("Verdicts of each model's trials, as shares. The table below has the figures.", {
    width,
    ...names.options,
    marginRight: 24,
    marginBottom: 40,
    x: {
      label: "share of trials",
      labelAnchor: "center",
      labelArrow: "none",
      percent: true,
      ticks: width < 500 ? 4 : 10,
      tickFormat: (share) => `${share}%`,
    },
    color: { domain: seen, range: seen.map((kind) => `var(--verdict-${kind})`) },
    marks: [
      ...names.marks,
      Plot.barX(
        rows,
        Plot.stackX({ offset: "normalize", order: seen }, { y: "name", x: "trials", fill: "kind", inset: 0.75 }),
      ),
    ],
  });
  return el(
    "div",
    {},
    chart,
    el(
      "p",
      { class: "legend" },
      seen.map((kind) => entry(el("i", { class: `swatch verdict-${kind}` }), kind)),
    ),
  );
}

function levelsChart(width) {
  const levels = report.levels;
  const rows = [
    ...Object.entries(levels.counts).map(([level, tasks]) => ({ name: level, tasks, level: true })),
    ...[
      ["unsolved", "never solved"],
      ["undecided", "undecided"],
      ["below_threshold", "below"],
    ]
      .filter(([key]) => levels[key])
      .map(([key, word]) => ({ name: word, tasks: levels[key], level: false })),
  ];
  return plot("Number of tasks of each level. The sentence below has the same figures.", {
    width: Math.min(width, 720),
    height: 240,
    marginLeft: 46,
    x: { label: null, domain: rows.map((row) => row.name), axis: null },
    marginBottom: 46,
    y: { label: "tasks", labelArrow: "none", grid: true },
    color: { type: "identity" },
    marks: [
      Plot.barY(rows, {
        x: "name",
        y: "tasks",
        fill: (row) => (row.level ? "var(--simple)" : "var(--control)"),
        rx: 2,
      }),
      Plot.text(rows, { x: "name", y: "tasks", text: (row) => count(row.tasks), dy: -8 }),
      Plot.ruleY([0]),
      Plot.axisX({ tickSize: 0, lineWidth: 5, tickFormat: (each) => (each in levels.counts ? `level ${each}` : each) }),
    ],
  });
}

/** Each policy from where it stood to where it stands. */
function changesChart(width) {
  const known = changed.policies.filter((each) =>
    [each.before, each.after].every((score) => score.accuracy !== null && score.cost !== null),
  );
  const moved = known.map((each) => ({ ...each, label: policyName(each.name), colour: KINDS[each.after.kind].colour }));
  const [least, most] = d3.extent(known.flatMap((each) => [each.before.cost, each.after.cost]));
  const chart = plot("Policies before and after, on the plane of cost and quality. The table below has the figures.", {
    width: Math.min(width, 860),
    height: 360,
    marginLeft: 46,
    marginRight: 28,
    marginTop: 28,
    marginBottom: 42,
    x: {
      type: least > 0 && most / least > 30 ? "log" : "linear",
      label: unitOfCost(),
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      ticks: width < 560 ? 4 : 7,
      tickFormat: tickOfCost,
    },
    y: {
      label: "tasks solved",
      labelArrow: "none",
      percent: true,
      nice: true,
      grid: true,
      ticks: 6,
      tickFormat: (share) => `${share}%`,
    },
    color: { type: "identity" },
    marks: [
      Plot.dot(moved, {
        x: (each) => each.before.cost,
        y: (each) => each.before.accuracy,
        stroke: "colour",
        fill: "var(--paper)",
        r: 5,
      }),
      Plot.arrow(moved, {
        x1: (each) => each.before.cost,
        y1: (each) => each.before.accuracy,
        x2: (each) => each.after.cost,
        y2: (each) => each.after.accuracy,
        stroke: "colour",
        strokeWidth: 2,
        insetStart: 5,
      }),
      Plot.dot(moved, { x: (each) => each.after.cost, y: (each) => each.after.accuracy, fill: "colour", r: 4 }),
    ],
  });
  if (moved.length)
    labels(
      chart,
      moved.map((each) => ({ ...each, ...each.after })),
    );
  return chart;
}

/** Bins of {predicted, observed, trials}. */
function calibrationChart(width, bins) {
  const side = Math.min(width, 460);
  return plot(
    "Calibration: share of successes observed against the chance predicted. The table below has the figures.",
    {
      width: side,
      height: side * 0.82,
      marginLeft: 52,
      marginBottom: 42,
      x: {
        label: "predicted chance of success",
        labelArrow: "none",
        labelAnchor: "center",
        percent: true,
        domain: [0, 100],
        grid: true,
        tickFormat: (share) => `${share}%`,
        ticks: 5,
      },
      y: {
        label: "observed",
        labelArrow: "none",
        percent: true,
        domain: [0, 100],
        grid: true,
        tickFormat: (share) => `${share}%`,
        ticks: 5,
      },
      r: { range: [2, 11] },
      marks: [
        Plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          { stroke: "var(--control)", strokeDasharray: "5 4" },
        ),
        Plot.line(bins, { x: "predicted", y: "observed", stroke: "var(--router)" }),
        Plot.dot(bins, { x: "predicted", y: "observed", r: "trials", fill: "var(--router)", fillOpacity: 0.85 }),
      ],
    },
  );
}
