// Puts the page together.

const first = about.headline.search(/\. (?=[A-Z])/) + 1;
const verdict = first ? about.headline.slice(0, first) : about.headline;
document.getElementById("verdict").append(...visible(verdict));
document.getElementById("verdict").classList.toggle("long", verdict.length > 130);
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
  if (!policyPoints().length) {
    document.getElementById("plane").hidden = true;
    return;
  }
  const costs = policyPoints().flatMap((each) => [each.cost, ...(each.cost_ci ?? [])]);
  const [least, most] = [Math.min(...costs), Math.max(...costs)];
  const toggle = document.getElementById("plane-log");
  toggle.checked = least > 0 && most / least > 30;
  toggle.disabled = !(least > 0);
  const redraw = drawn(document.getElementById("plane-chart"), (width) => plane(width, toggle.checked));
  toggle.addEventListener("change", redraw);
  document.getElementById("plane-legend").append(...legend());
  document.getElementById("plane-table").append(policiesTable());
  document.getElementById("plane-note").append("Lines through a point are 95% intervals, over tasks. Saving is against always ", name(LADDER.at(-1)), `.${report.run.cost_unit === "usd" ? "" : " A call of the first model costs 1, of the next one 10, and so on."}`);
}

const policyCell = (row) => [el("i", { class: `swatch kind-${row.kind}` }), name(row.key)];

function policiesTable() {
  const rows = Object.entries(report.policies).map(([key, score]) => ({ key, ...score }));
  const made = table(capital(unitOfCost()), [
    { head: "policy", text: true, cell: policyCell },
    { head: "right", cell: (row) => percent(row.accuracy) },
    { head: "cost", cell: (row) => rate(row.cost) },
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
  ["changes", "What changed", () => (changed ? changesSection() : null)],
  ["policies", "Policies", policiesSection],
  ["models", "Models", modelsSection],
  ["levels", "Levels", levelsSection],
  ["classifier", "The classifier", () => (report.router ? classifierSection(report.router) : null)],
  ["nested", "Tasks that break the ladder", () => (report.nested ? nestedSection(report.nested) : null)],
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
    { head: "policy", text: true, cell: policyCell },
    { head: "right", cell: (row) => bounded(percent(row.accuracy), interval(row.accuracy_ci)) },
    { head: "cost", cell: (row) => bounded(rate(row.cost), rates(row.cost_ci)) },
    { head: "saving", cell: (row) => bounded(percent(row.saving), interval(row.saving_ci)) },
    { head: "points over the zero router", cell: (row) => bounded(points(row.over_zero), pointsInterval(row.over_zero_ci)) },
    { head: "points over the best single model", cell: (row) => bounded(points(row.gain), pointsInterval(row.gain_ci)) },
    ...(LADDER.length <= 6 ? LADDER.map((model) => ({ head: [name(model), " asked"], cell: (row) => percent(row.shares?.[model], 0) })) : []),
  ];
  return [scrolling(table(`${capital(unitOfCost())}; below each figure its 95% interval`, columns, rows)), ...routingFacts()];
}

/** What the verdict rests on, as pairs of terms and figures. */
function routingFacts() {
  const found = report.routing;
  if (!found) return [];
  const facts = [
    ["judged policy", name(found.policy)],
    ["over the best single model", [`${points(found.gain_over_best_single)} points (95% ${pointsInterval(found.gain_over_best_single_ci)}; paired test p = ${found.p === null ? "–" : Number(found.p.toPrecision(2))}) against always `, name(found.best_single)]],
    ["over the zero router", `${points(found.gain_over_zero_router)} points (95% ${pointsInterval(found.gain_over_zero_router_ci)}), mixing single models blindly at the same cost`],
    ["smallest difference that so many tasks show", `${percent(found.detectable_difference)} of tasks, in 4 of 5 runs`],
  ];
  if (found.aiq) facts.push(["AIQ", `${found.aiq.router.toFixed(3)}; zero router ${found.aiq.zero_router.toFixed(3)}; difference ${found.aiq.gain.toFixed(3)} (95% ${found.aiq.gain_ci.map((bound) => bound.toFixed(3)).join(" to ")})`]);
  if (found.pgr != null) facts.push(["PGR, APGR", `${percent(found.pgr)}, ${percent(found.apgr)}`]);
  for (const [target, share] of Object.entries(found.cpt ?? {})) facts.push([`CPT(${percent(Number(target), 0)})`, percent(share)]);
  return [definitions(facts), el("p", { class: "note" }, ...visible(about.notes))];
}

const definitions = (facts) => el("dl", { class: "facts" }, facts.flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]));

function modelsSection() {
  const rows = Object.entries(report.models).map(([key, score]) => ({ key, ...score }));
  const passes = ["1", "5", "10"].filter((k) => rows.some((row) => row.pass_at[k] !== null));
  const columns = [
    { head: "model", text: true, cell: (row) => name(row.key) },
    { head: "right", cell: (row) => bounded(percent(row.accuracy), interval(row.accuracy_ci)) },
    ...passes.map((k) => ({ head: `pass@${k}`, cell: (row) => percent(row.pass_at[k]) })),
    { head: "tasks", cell: (row) => count(row.tasks) },
    { head: "trials", cell: (row) => count(row.trials) },
    ...(rows.some((row) => row.cost_usd != null) ? [{ head: "spent", cell: (row) => money(row.cost_usd, "usd") }] : []),
    ...(rows.some((row) => row.seconds != null) ? [{ head: "seconds a call", cell: (row) => (row.seconds == null ? "–" : row.seconds.toFixed(2)) }] : []),
  ];
  const nodes = [rows.some((row) => row.accuracy !== null) ? chartHolder(modelsChart) : null, scrolling(table("Right: the mean success rate over the tasks, with its 95% interval", columns, rows))];
  const known = rows.filter((row) => row.verdicts);
  if (!known.length) return nodes;
  const kinds = about.verdicts.filter((kind) => known.some((row) => row.verdicts[kind]));
  const tally = [{ head: "model", text: true, cell: (row) => name(row.key) }, ...kinds.map((kind) => ({ head: kind, cell: (row) => count(row.verdicts[kind] ?? 0) }))];
  return [...nodes, el("h3", {}, "Verdicts"), chartHolder(verdictsChart), scrolling(table("Trials by verdict", tally, known))];
}

function levelsSection() {
  return [chartHolder(levelsChart), paragraph(...visible(`${capital(about.levels)}.`))];
}

function classifierSection() {
  return [];
}

function nestedSection(nested) {
  const examples = nested.examples.map((id) => TASKS.find((task) => task.task_id === id)).filter(Boolean);
  return [
    paragraph(
      `${percent(nested.share)} of the tasks (95% ${interval(nested.share_ci)}) are solved by a cheaper model and not by `, name(LADDER.at(-1)),
      `: whoever believes that the last model solves whatever another one does loses them, and pays ${rate(nested.extra_cost)} more ${report.run.cost_unit === "usd" ? "for 1,000 tasks" : "a task"}. No model solves ${percent(nested.none)}.`,
    ),
    scrolling(table("Pairs of models: the share of tasks that only one of the two solves", [
      { head: "weaker", text: true, cell: (pair) => name(pair.weaker) },
      { head: "stronger", text: true, cell: (pair) => name(pair.stronger) },
      { head: "only the weaker", cell: (pair) => percent(pair.only_weaker) },
      { head: "only the stronger", cell: (pair) => percent(pair.only_stronger) },
    ], nested.pairs)),
    examples.length ? paragraph("Most so: ", ...examples.flatMap((task, index) => [index ? ", " : "", el("a", { href: taskAddress(task) }, name(task.key))]), ".") : null,
  ].filter(Boolean);
}

/** The run beside an earlier one. */
function changesSection() {
  const tasks = changed.tasks.map((each) => ({ ...each, task: TASKS.find((task) => task.task_id === each.task_id && task.suite === each.suite) }));
  const models = LADDER.filter((model) => changed.models.some((each) => each.name === model));
  const arrow = ([before, after], shown) => [shown(before), " → ", shown(after)];
  const solved = ([successes, trials]) => `${successes}/${trials}`;
  const columns = [
    { head: "task", text: true, cell: (each) => el("a", { href: taskAddress(each.task) }, name(each.task.key)) },
    { head: "level", cell: (each) => (each.level ? arrow(each.level, (level) => (level === null ? "none" : String(level))) : "") },
    ...models.map((model) => ({ head: name(model), cell: (each) => (each.solved?.[model] ? arrow(each.solved[model], solved) : "") })),
    ...CHOOSERS.map((policy) => ({ head: [name(policy), " asks"], text: true, cell: (each) => (each.chosen?.[policy] ? arrow(each.chosen[policy], name) : "") })),
  ];
  const nodes = [
    paragraph(`${plural(tasks.length, "task")} changed, ${count(changed.same)} did not.`, ...onlyIn("gone since", changed.gone), ...onlyIn("new", changed.new)),
    chartHolder(changesChart),
    scrolling(table("Before and after", [
      { head: "policy", text: true, cell: (each) => name(each.name) },
      { head: "right before", cell: (each) => percent(each.before.accuracy) },
      { head: "after", cell: (each) => percent(each.after.accuracy) },
      { head: "points", cell: (each) => points(difference(each, "accuracy")) },
      { head: "cost before", cell: (each) => rate(each.before.cost) },
      { head: "after", cell: (each) => rate(each.after.cost) },
    ], changed.policies)),
  ];
  if (tasks.length) nodes.push(el("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Tasks that changed" }, table("Task by task", columns, tasks)));
  return nodes;
}

const difference = (each, key) => (each.before[key] === null || each.after[key] === null ? null : each.after[key] - each.before[key]);
const onlyIn = (word, ids) => (ids.length ? [` ${plural(ids.length, "task")} ${word}: `, ...ids.slice(0, 10).flatMap((id, index) => [index ? ", " : "", name(id)]), ids.length > 10 ? ", …" : "", "."] : []);

function runSection() {
  const config = about.config;
  const facts = [];
  const fact = (term, value) => value !== null && value !== undefined && value !== "" && facts.push([term, value]);
  fact("not measured", report.run.unmeasured || report.run.measured < report.run.planned ? `${plural(report.run.planned - report.run.measured, "trial")} of ${count(report.run.planned)}` : "nothing: every trial was measured");
  fact("sandbox", config.sandbox ? plain(config.sandbox) : null);
  for (const [suite, record] of Object.entries(config.suites ?? {})) fact("suite", [name(suite), `: ${plain(record.dataset)}, ${plural(record.tasks, "task")}, SHA-256 `, el("code", {}, plain(record.sha256).slice(0, 16), "…")]);
  fact("trials", config.trials === undefined ? null : String(config.trials));
  fact("limits of a verification", config.timeout ? `${config.timeout} s, ${count(config.memory)} MB` : null);
  fact("recordings", (config.replay ?? []).map(plain).join(", "));
  fact("rule of the levels", plain(report.levels.rule));
  fact("seed", config.seed === undefined ? null : String(config.seed));
  const models = Object.entries(config.models ?? {});
  return [
    definitions(facts),
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
// The browser looked for the section before it was made, and the charts before it had no height.
requestAnimationFrame(() => location.hash.startsWith("#task=") || document.getElementById(location.hash.slice(1))?.scrollIntoView());
document.documentElement.dataset.ready = "";
