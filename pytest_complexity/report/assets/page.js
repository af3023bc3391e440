// Puts the page together.

const first = about.headline.search(/[.:] (?=[A-Z])/) + 1;
document.getElementById("verdict").append(...visible(first ? about.headline.slice(0, first) : about.headline));
document.getElementById("more").append(...visible(first ? about.headline.slice(first + 1) : ""));
const suites = [...new Set(report.tasks.map((task) => task.suite).filter((suite) => suite !== null))];
document.getElementById("subject").append(...suites.flatMap((suite) => [name(suite), " · "]), ...visible(about.coverage));
document.title = plain(["Which model is enough?", ...suites].join(" · "));
document.getElementById("licences").textContent = about.licences;
document.getElementById("made").append("Made by pytest-complexity", about.config.version ? ` ${plain(about.config.version)}` : "", " from report.json and the run directory; every figure here stands there.");

// -- the theme --------------------------------------------------------------------------------------------------------

const themes = ["auto", "light", "dark"];
const themeButton = document.getElementById("theme");
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  themeButton.textContent = `Theme: ${theme}`;
}
themeButton.addEventListener("click", () => setTheme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]));
setTheme("auto");

// -- the first screen -------------------------------------------------------------------------------------------------

function firstScreen() {
  const costs = points().flatMap((each) => [each.cost, ...(each.cost_ci ?? [])]);
  const [least, most] = [Math.min(...costs), Math.max(...costs)];
  const toggle = document.getElementById("plane-log");
  toggle.checked = least > 0 && most / least > 30;
  toggle.disabled = !(least > 0);
  const redraw = drawn(document.getElementById("plane-chart"), (width) => plane(width, toggle.checked));
  toggle.addEventListener("change", redraw);
  document.getElementById("plane-legend").append(...legend());
  document.getElementById("plane-table").append(policiesTable());
  document.getElementById("plane-note").append("Lines through a point are 95% intervals, over tasks. Saving is against always ", name(LADDER.at(-1)), ".");
}

function policiesTable() {
  const rows = Object.entries(report.policies).map(([key, score]) => ({ key, ...score }));
  const made = table("Policies", [
    { head: "policy", text: true, cell: (row) => [el("i", { class: `swatch kind-${row.kind}` }), name(row.key)] },
    { head: "right", cell: (row) => percent(row.accuracy) },
    { head: "cost", cell: (row) => money(row.cost) },
    { head: "saving", cell: (row) => percent(row.saving) },
  ], rows);
  // A row and its point show each other.
  [...made.tBodies[0].rows].forEach((row, index) => {
    const mark = () => document.querySelector(`[data-policy="${CSS.escape(rows[index].key)}"]`);
    row.addEventListener("pointerenter", () => mark()?.classList.add("shown"));
    row.addEventListener("pointerleave", () => mark()?.classList.remove("shown"));
  });
  return made;
}

// -- the sections -----------------------------------------------------------------------------------------------------

/** Each section's id and title, and its nodes; a section whose data is not there says nothing. */
const SECTIONS = [
  ["comparison", "What changed", () => (report.comparison ? comparisonSection(report.comparison) : null)],
  ["policies", "Policies", policiesSection],
  ["models", "Models", modelsSection],
  ["levels", "Levels", levelsSection],
  ["classifier", "The classifier", () => (report.router ? classifierSection(report.router) : null)],
  ["nested", "Tasks that a smaller model solves and a larger one does not", () => (report.nested ? nestedSection(report.nested) : null)],
  ["tasks", "Tasks", tasksSection],
  ["run", "The run", runSection],
];

/** A chart that is drawn once it stands on the page. */
function chartHolder(draw) {
  const holder = el("div", { class: "chart" });
  queueMicrotask(() => drawn(holder, draw));
  return holder;
}

const scrolling = (...nodes) => el("div", { class: "scroll" }, ...nodes);
const paragraph = (...nodes) => el("p", {}, ...nodes);

function policiesSection() {
  const rows = Object.entries(report.policies).map(([key, score]) => ({ key, ...score }));
  const columns = [
    { head: "policy", text: true, cell: (row) => name(row.key) },
    { head: "knows", text: true, cell: (row) => KINDS[row.kind].word },
    { head: "right", cell: (row) => percent(row.accuracy) },
    { head: "95%", cell: (row) => interval(row.accuracy_ci) },
    { head: "cost", cell: (row) => money(row.cost) },
    { head: "95%", cell: (row) => (row.cost_ci ? `${money(row.cost_ci[0])}–${money(row.cost_ci[1])}` : "–") },
    { head: "saving", cell: (row) => percent(row.saving) },
    { head: "95%", cell: (row) => interval(row.saving_ci) },
    { head: "below the oracle", cell: (row) => percent(row.regret) },
    ...(LADDER.length <= 6 ? LADDER.map((model) => ({ head: [name(model), " asked"], cell: (row) => percent(row.shares?.[model], 0) })) : []),
  ];
  return [scrolling(table(`Cost: ${unitOfCost()}`, columns, rows)), ...routingFacts()];
}

function routingFacts() {
  return [];
}

function modelsSection() {
  const rows = Object.entries(report.models).map(([key, score]) => ({ key, ...score }));
  const passes = ["1", "5", "10"].filter((k) => rows.some((row) => row.pass_at[k] !== null));
  const columns = [
    { head: "model", text: true, cell: (row) => name(row.key) },
    { head: "right", cell: (row) => percent(row.accuracy) },
    { head: "95%", cell: (row) => interval(row.accuracy_ci) },
    ...passes.map((k) => ({ head: `pass@${k}`, cell: (row) => percent(row.pass_at[k]) })),
    { head: "tasks", cell: (row) => count(row.tasks) },
    { head: "trials", cell: (row) => count(row.trials) },
    ...(rows.some((row) => row.cost_usd != null) ? [{ head: "spent", cell: (row) => money(row.cost_usd, "usd") }] : []),
    ...(rows.some((row) => row.seconds != null) ? [{ head: "seconds a call", cell: (row) => (row.seconds == null ? "–" : row.seconds.toFixed(2)) }] : []),
  ];
  const nodes = [chartHolder(modelsChart), scrolling(table("Share right: the mean success rate over the tasks", columns, rows))];
  const known = rows.filter((row) => row.verdicts);
  if (!known.length) return nodes;
  const kinds = about.verdicts.filter((kind) => known.some((row) => row.verdicts[kind]));
  const tally = [{ head: "model", text: true, cell: (row) => name(row.key) }, ...kinds.map((kind) => ({ head: kind, cell: (row) => count(row.verdicts[kind] ?? 0) }))];
  return [...nodes, el("h3", {}, "Verdicts"), chartHolder(verdictsChart), scrolling(table("Trials by verdict", tally, known))];
}

function levelsSection() {
  return [chartHolder(levelsChart), paragraph(...visible(`${about.levels[0].toUpperCase()}${about.levels.slice(1)}.`))];
}

function classifierSection() {
  return [];
}

function nestedSection() {
  return [];
}

function comparisonSection() {
  return [];
}

function runSection() {
  const config = about.config;
  const facts = [];
  const fact = (word, value) => value !== null && value !== undefined && value !== "" && facts.push(el("dt", {}, word), el("dd", {}, value));
  fact("not measured", report.run.unmeasured || report.run.measured < report.run.planned ? `${plural(report.run.planned - report.run.measured, "trial")} of ${count(report.run.planned)}` : "nothing: every trial was measured");
  fact("sandbox", config.sandbox ? plain(config.sandbox) : null);
  for (const [suite, record] of Object.entries(config.suites ?? {})) fact("suite", [name(suite), `: ${plain(record.dataset)}, ${plural(record.tasks, "task")}, SHA-256 `, el("code", {}, plain(record.sha256).slice(0, 16), "…")]);
  fact("trials", config.trials);
  fact("limits of a verification", config.timeout ? `${config.timeout} s, ${count(config.memory)} MB` : null);
  fact("recordings", (config.replay ?? []).map(plain).join(", "));
  fact("rule of the levels", plain(report.levels.rule));
  fact("seed", config.seed);
  const models = Object.entries(config.models ?? {});
  return [
    el("dl", { class: "facts" }, facts),
    models.length
      ? scrolling(table("Models", [
          { head: "model", text: true, cell: ([key]) => name(key) },
          { head: "definition", text: true, cell: ([, definition]) => el("code", {}, ...visible(JSON.stringify(definition))) },
        ], models))
      : paragraph("Made from counts that somebody else measured: no completions are known."),
  ];
}

function buildSections() {
  const contents = document.getElementById("contents");
  const holder = document.getElementById("sections");
  for (const [id, title, make] of SECTIONS) {
    const nodes = make();
    if (!nodes) continue;
    contents.append(el("a", { href: `#${id}` }, title));
    holder.append(el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), ...nodes));
  }
}

firstScreen();
buildSections();
window.addEventListener("hashchange", followAddress);
followAddress();
document.documentElement.dataset.ready = "";
