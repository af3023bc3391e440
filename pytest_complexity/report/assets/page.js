// Puts the page together.

const first = about.headline.search(/\. (?=[A-Z])/) + 1;
const verdict = first ? about.headline.slice(0, first) : about.headline;
document.getElementById("verdict").append(...visible(verdict));
document.getElementById("verdict").classList.toggle("long", verdict.length > 130);
document.getElementById("more").append(...visible(first ? about.headline.slice(first + 1) : ""));
if (report.router?.leaked)
  document
    .getElementById("more")
    .append(
      el(
        "strong",
        {},
        ` The router was trained on ${count(report.router.leaked)} of these tasks: its figures are too good.`,
      ),
    );
const failed = about.checked.filter((each) => !each.passed);
if (failed.length) {
  const lines = failed.map((each) => el("li", { class: "failed" }, ...visible(each.message)));
  document
    .getElementById("verdict")
    .before(
      el(
        "section",
        { class: "failures" },
        el("h2", {}, `${plural(failed.length, "gate")} failed`),
        el("ul", { class: "checks" }, lines),
      ),
    );
}
const suites = [...SUITES].filter((suite) => suite !== null);
document
  .getElementById("subject")
  .append(...suites.flatMap((suite) => [name(suite), " · "]), ...visible(about.coverage));
document.title = plain(["Which model is enough?", ...suites].join(" · "));
document.getElementById("licences").textContent = about.licences;
document
  .getElementById("made")
  .append(
    "Made by pytest-complexity",
    about.config.version ? ` ${plain(about.config.version)}` : "",
    " from report.json and the run directory; every score here stands there.",
  );

// -- the theme --------------------------------------------------------------------------------------------------------

const themes = ["auto", "light", "dark"];
const themeButton = document.getElementById("theme");
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  themeButton.textContent = `Theme: ${theme}`;
}
themeButton.addEventListener("click", () =>
  setTheme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]),
);
setTheme("auto");

// -- the first screen -------------------------------------------------------------------------------------------------

function firstScreen() {
  if (!policyPoints().length || LADDER.length < 2) {
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
  document
    .getElementById("plane-note")
    .append(
      "Lines through a point are 95% intervals, over tasks. Saving is against always ",
      name(LADDER.at(-1)),
      `.${IN_DOLLARS ? "" : " A call of the first model costs 1, of the next one 10, and so on."}`,
    );
}

const policyCell = (row) => [el("i", { class: `swatch kind-${row.kind}` }), name(row.key)];

function policiesTable() {
  const rows = Object.entries(report.policies).map(([key, score]) => ({ key, ...score }));
  const made = table(
    capital(unitOfCost()),
    [
      { head: "policy", text: true, cell: policyCell },
      { head: "accuracy", cell: (row) => percent(row.accuracy) },
      { head: "cost", cell: (row) => rate(row.cost) },
      { head: "saving", cell: (row) => percent(row.saving) },
    ],
    rows,
  );
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
  ["checks", "Gates", () => (about.checked.length ? checksSection() : null)],
  ["policies", "Policies", () => (LADDER.length > 1 ? policiesSection() : null)],
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
    ...listed(about.columns.policies, rows),
    ...(LADDER.length <= 6
      ? LADDER.map((model) => ({ head: [name(model), " asked"], cell: (row) => percent(row.shares?.[model], 0) }))
      : []),
  ];
  return [
    scrolling(table(`${capital(unitOfCost())}; below each figure its 95% interval`, columns, rows)),
    ...routingFacts(),
  ];
}

/** What stands behind the verdict. The last sentence of all is about tasks that break the ladder. */
function routingFacts() {
  const facts = about.details.slice(0, -1).map((sentence) => el("li", {}, ...visible(`${capital(sentence)}.`)));
  return [facts.length ? el("ul", {}, facts) : null, el("p", { class: "note" }, ...visible(about.notes))];
}

const definitions = (facts) =>
  el(
    "dl",
    { class: "facts" },
    facts.flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]),
  );

function checksSection() {
  return [
    el(
      "ul",
      { class: "checks" },
      about.checked.map((each) => el("li", { class: each.passed ? "passed" : "failed" }, ...visible(each.message))),
    ),
  ];
}

function modelsSection() {
  const rows = Object.entries(report.models).map(([key, score]) => ({ key, ...score }));
  const columns = [{ head: "model", text: true, cell: (row) => name(row.key) }, ...listed(about.columns.models, rows)];
  const nodes = [
    rows.some((row) => row.accuracy !== null) ? chartHolder(modelsChart) : null,
    scrolling(table("Accuracy: the mean success rate over the tasks, with its 95% interval", columns, rows)),
  ];
  const known = rows.filter((row) => row.verdicts);
  if (!known.length) return nodes;
  const kinds = about.verdicts.filter((kind) => known.some((row) => row.verdicts[kind]));
  const tally = [
    { head: "model", text: true, cell: (row) => name(row.key) },
    ...kinds.map((kind) => ({ head: kind, cell: (row) => count(row.verdicts[kind] ?? 0) })),
  ];
  return [
    ...nodes,
    el("h3", {}, "Verdicts"),
    chartHolder(verdictsChart),
    scrolling(table("Trials by verdict", tally, known)),
  ];
}

function levelsSection() {
  const loose = report.levels.least_stable ?? [];
  const task = (each) => TASKS.find((other) => other.task_id === each.task_id && other.suite === each.suite);
  return [
    chartHolder(levelsChart),
    paragraph(...visible(`${capital(about.levels)}.`)),
    el(
      "ul",
      {},
      about.meaning.map((sentence) => el("li", {}, ...visible(`${capital(sentence)}.`))),
    ),
    loose.length
      ? scrolling(
          narrow(
            `The least stable of ${plural(report.levels.unstable, "level")} that another measurement may well change`,
            [
              {
                head: "task",
                text: true,
                cell: (each) => el("a", { href: taskAddress(task(each)) }, name(task(each).key)),
              },
              { head: "level", cell: (each) => String(each.level) },
              { head: "the same again", cell: (each) => percent(each.same_level) },
              {
                head: "trials that would settle it",
                cell: (each) => (each.settled_by === null ? "more than 50" : count(each.settled_by)),
              },
            ],
            loose,
          ),
        )
      : null,
  ];
}

const probability = (p) => Number(p.toPrecision(2));
const auroc = ({ value, ci }) => `${value.toFixed(2)} (95% ${ci.map((bound) => bound.toFixed(2)).join(" to ")})`;

/** How right the predicted levels and chances are. */
function classifierSection(router) {
  const { error, perfect, perfect_95: most, bins } = router.calibration;
  const single = router.against_constant;
  const test = router.against_majority;
  const facts = [
    [
      "classifier",
      [name(router.classifier), `, on ${plural(router.tasks, "task")} with a level by `, name(router.rule)],
    ],
    [
      "exact level",
      `${percent(router.accuracy)} (95% ${interval(router.accuracy_ci)}); always the most frequent level: ${percent(router.majority)}`,
    ],
    [
      "against that",
      `${count(test.better)} tasks right that it gets wrong, ${count(test.worse)} the other way round (McNemar p = ${probability(test.p)})`,
    ],
    [
      "best single level",
      `level ${single.level} for every task: ${percent(single.accuracy)} exact on these tasks; ${count(single.better)} tasks better than that, ${count(single.worse)} worse (McNemar p = ${probability(single.p)})`,
    ],
    [
      "ceiling",
      router.ceiling === null
        ? "not known: it takes two trials of each model"
        : `two halves of the same trials give the same level to ${percent(router.ceiling)} of the tasks`,
    ],
    [
      "calibration error",
      `${percent(error)}, between predicted and observed chances of success; chances that are exactly right would show ${percent(perfect)} on so few tasks, 95% of the time below ${percent(most)}`,
    ],
    [
      "AUROC of each model's predicted chance",
      Object.entries(router.auroc).flatMap(([model, found], index) => [
        index ? "; " : "",
        name(model),
        found ? ` ${auroc(found)}` : " not known: its trials all came out alike",
      ]),
    ],
  ];
  const rows = Object.entries(router.rows)
    .map(([key, row]) => ({ key, ...row }))
    .sort((a, b) => (b.key === router.classifier) - (a.key === router.classifier));
  return [
    definitions(facts),
    scrolling(
      table(
        "Beside the baselines",
        [{ head: "classifier", text: true, cell: (row) => name(row.key) }, ...listed(about.columns.classifiers, rows)],
        rows,
      ),
    ),
    scrolling(confusionTable(router.confusion)),
    el("h3", {}, "Calibration"),
    chartHolder((width) => calibrationChart(width, bins)),
    scrolling(
      narrow(
        "Predicted chances of success, in bins",
        [
          { head: "predicted", cell: (bin) => percent(bin.predicted) },
          { head: "observed", cell: (bin) => percent(bin.observed) },
          { head: "trials", cell: (bin) => count(bin.trials) },
        ],
        bins,
      ),
    ),
  ];
}

const narrow = (...parts) => {
  const made = table(...parts);
  made.classList.add("narrow");
  return made;
};
/** Rows: the true level; columns: the predicted one. The darker a cell, the more tasks. */
function confusionTable(confusion) {
  const most = Math.max(1, ...confusion.flat());
  const made = narrow(
    "Confusion matrix: tasks by true level (rows) and predicted level (columns)",
    [
      { head: "true level", text: true, cell: (row) => String(confusion.indexOf(row) + 1) },
      ...confusion.map((_, predicted) => ({ head: String(predicted + 1), cell: (row) => count(row[predicted]) })),
    ],
    confusion,
  );
  made.classList.add("confusion");
  for (const [actual, row] of confusion.entries()) {
    const cells = made.tBodies[0].rows[actual].cells;
    for (const [predicted, tasks] of row.entries()) cells[predicted + 1].style.setProperty("--share", tasks / most);
  }
  return made;
}

function nestedSection(nested) {
  const examples = nested.examples.map((id) => TASKS.find((task) => task.task_id === id)).filter(Boolean);
  return [
    paragraph(...visible(`${capital(about.details.at(-1))}.`)),
    scrolling(
      table(
        "Pairs of models: the share of tasks that only one of the two solves",
        [
          { head: "earlier", text: true, cell: (pair) => name(pair.weaker) },
          { head: "later", text: true, cell: (pair) => name(pair.stronger) },
          { head: "only the earlier", cell: (pair) => percent(pair.only_weaker) },
          { head: "only the later", cell: (pair) => percent(pair.only_stronger) },
        ],
        nested.pairs,
      ),
    ),
    examples.length
      ? paragraph(
          "Most so: ",
          ...examples.flatMap((task, index) => [
            index ? ", " : "",
            el("a", { href: taskAddress(task) }, name(task.key)),
          ]),
          ".",
        )
      : null,
  ].filter(Boolean);
}

const SHOWN_CHANGES = 500;

/** The run beside an earlier one. */
function changesSection() {
  const tasks = changed.tasks.map((each) => ({
    ...each,
    task: TASKS.find((task) => task.task_id === each.task_id && task.suite === each.suite),
  }));
  const models = LADDER.filter((model) => changed.models.some((each) => each.name === model));
  const arrow = ([before, after], shown) => [shown(before), " → ", shown(after)];
  const solved = ([successes, trials]) => `${successes}/${trials}`;
  const columns = [
    { head: "task", text: true, cell: (each) => el("a", { href: taskAddress(each.task) }, name(each.task.key)) },
    {
      head: "level",
      cell: (each) => (each.level ? arrow(each.level, (level) => (level === null ? "none" : String(level))) : ""),
    },
    ...models.map((model) => ({
      head: name(model),
      cell: (each) => (own(each.solved, model) ? arrow(each.solved[model], solved) : ""),
    })),
    ...CHOOSERS.map((policy) => ({
      head: [name(policy), " asks"],
      text: true,
      cell: (each) => (own(each.chosen, policy) ? arrow(each.chosen[policy], name) : ""),
    })),
  ];
  const nodes = [
    paragraph(
      `${plural(tasks.length, "task")} changed, ${count(changed.same)} did not.`,
      ...onlyIn("gone since", changed.gone),
      ...onlyIn("new", changed.new),
    ),
    chartHolder(changesChart),
    scrolling(
      table(
        "Before and after",
        [
          { head: "policy", text: true, cell: (each) => name(each.name) },
          { head: "accuracy before", cell: (each) => percent(each.before.accuracy) },
          { head: "after", cell: (each) => percent(each.after.accuracy) },
          { head: "cost before", cell: (each) => rate(each.before.cost) },
          { head: "after", cell: (each) => rate(each.after.cost) },
        ],
        changed.policies,
      ),
    ),
  ];
  if (tasks.length)
    nodes.push(
      el(
        "div",
        { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Tasks that changed" },
        table("Task by task", columns, tasks.slice(0, SHOWN_CHANGES)),
      ),
    );
  if (tasks.length > SHOWN_CHANGES) nodes.push(paragraph(`The first ${SHOWN_CHANGES} are shown.`));
  return nodes;
}

const onlyIn = (word, ids) =>
  ids.length
    ? [
        ` ${plural(ids.length, "task")} ${word}: `,
        ...ids.slice(0, 10).flatMap((id, index) => [index ? ", " : "", name(id)]),
        ids.length > 10 ? ", …" : "",
        ".",
      ]
    : [];

function runSection() {
  const config = about.config;
  const facts = [];
  const fact = (term, value) => value !== null && value !== undefined && value !== "" && facts.push([term, value]);
  fact(
    "not measured",
    report.run.unmeasured || report.run.measured < report.run.planned
      ? `${plural(report.run.planned - report.run.measured, "trial")} of ${count(report.run.planned)}`
      : "nothing: every trial was measured",
  );
  fact(
    "scored",
    `${plural(report.run.scored, "task")} of ${count(report.run.tasks)}: those that every model was measured on`,
  );
  fact("sandbox", config.sandbox ? plain(config.sandbox) : null);
  for (const [suite, record] of Object.entries(config.suites ?? {}))
    fact("suite", [
      name(suite),
      `: ${plain(record.dataset)}, ${plural(record.tasks, "task")}, SHA-256 `,
      el("code", {}, plain(record.sha256).slice(0, 16), "…"),
    ]);
  fact("trials", config.trials === undefined ? null : String(config.trials));
  fact("limits of a verification", config.timeout ? `${config.timeout} s, ${count(config.memory)} MB` : null);
  fact("recordings", (config.replay ?? []).map(plain).join(", "));
  fact("rule of the levels", plain(report.levels.rule));
  fact("seed", config.seed === undefined ? null : String(config.seed));
  const models = Object.entries(config.models ?? {});
  return [
    definitions(facts),
    models.length
      ? scrolling(
          table(
            "Models",
            [
              { head: "model", text: true, cell: ([key]) => name(key) },
              {
                head: "definition",
                text: true,
                cell: ([, definition]) => el("code", {}, ...visible(JSON.stringify(definition))),
              },
            ],
            models,
          ),
        )
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
    holder.append(
      el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), ...nodes),
    );
  }
}

firstScreen();
buildSections();
window.addEventListener("hashchange", followAddress);
followAddress();
// The browser looked for the section before it was made, and the charts before it had no height.
requestAnimationFrame(
  () => location.hash.startsWith("#task=") || document.getElementById(location.hash.slice(1))?.scrollIntoView(),
);
document.documentElement.dataset.ready = "";
