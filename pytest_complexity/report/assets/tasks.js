// The tasks: a table to search, sort and filter, and the page of one task.

const PAGE = 50;

const SUITES = new Set(report.tasks.map((task) => task.suite));

/** What the table shows of each task, made once. */
const TASKS = report.tasks.map((task, index) => ({
  ...task,
  index,
  key: taskKey(task),
  rates: task.trials.map((trials, model) => (trials ? task.successes[model] / trials : null)),
  verdicts: verdictRows[index].map((row) => [...row].map((digit) => about.verdicts[Number(digit)])),
}));
const CHOOSERS = [...new Set(report.tasks.flatMap((task) => Object.keys(task.chosen ?? {})))];
const LADDER = report.run.ladder;

/** What names a task in the address: with its suite only where the report has several. */
function taskKey(task) {
  return plain(SUITES.size > 1 ? `${task.suite}:${task.task_id}` : task.task_id);
}

// -- the table ------------------------------------------------------------------------------------------------------

const view = {
  search: "",
  level: "",
  model: "",
  verdict: "",
  chooser: CHOOSERS[0] ?? "",
  chosen: "",
  overpaid: false,
  sort: "index",
  down: false,
  page: 0,
};
let prompts = null;

const chosenOf = (task) => task.chosen?.[view.chooser] ?? null;
const overpaidOf = (task) => task.overpaid?.[view.chooser] ?? null;

function matching() {
  const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = TASKS.filter((task) => {
    if (view.level && String(task.level ?? "none") !== view.level) return false;
    if (view.chosen && String(chosenOf(task)) !== view.chosen) return false;
    if (view.overpaid && !(overpaidOf(task) > 0)) return false;
    if (view.verdict || view.model) {
      const rows = view.model === "" ? task.verdicts : [task.verdicts[Number(view.model)]];
      if (view.verdict ? !rows.some((row) => row.includes(view.verdict)) : !task.trials[Number(view.model)])
        return false;
    }
    const text = words.length ? `${task.key}\n${prompts?.[task.index] ?? ""}`.toLowerCase() : "";
    return words.every((word) => text.includes(word));
  });
  const values = { index: (task) => task.index, level: (task) => task.level, chosen: chosenOf, overpaid: overpaidOf };
  const value = values[view.sort] ?? ((task) => task.rates[Number(view.sort.slice("model-".length))]);
  const unknown = (task) => value(task) === null || value(task) === undefined;
  // What is not known stands last in either direction.
  return found.sort(
    (a, b) =>
      unknown(a) - unknown(b) || (view.down ? -1 : 1) * ((value(a) ?? 0) - (value(b) ?? 0)) || a.index - b.index,
  );
}

function tasksSection() {
  const refresh = () => showRows(parts);
  const change = (key, value) => {
    // The same column once more turns it round. Amounts begin with the largest.
    if (key === "sort") view.down = view.sort === value ? !view.down : value === "overpaid";
    view[key] = value;
    view.page = 0;
    parts.form.elements.sort.value = view.sort;
    refresh();
  };
  const turn = (word, step) =>
    el(
      "button",
      {
        type: "button",
        click: () => {
          view.page += step;
          refresh();
          document.getElementById("tasks").scrollIntoView();
        },
      },
      word,
    );
  const heads = headers(change).filter(Boolean);
  const parts = {
    form: controls(change),
    told: el("p", { class: "told", role: "status" }),
    heads,
    body: el("tbody"),
    previous: turn("Previous", -1),
    place: el("span"),
    next: turn("Next", 1),
  };
  unpack("data-prompts").then(
    (texts) => {
      prompts = texts;
      refresh();
    },
    () => {},
  ); // a browser too old for it: tasks are found by their ids alone, and the page of a task says why
  refresh();
  const caption = el("caption", { class: "unseen" }, "Tasks");
  return [
    parts.form,
    parts.told,
    scrolling(el("table", { class: "tasks" }, caption, el("thead", {}, el("tr", {}, heads)), parts.body)),
    el("p", { class: "pages" }, parts.previous, parts.place, parts.next),
  ];
}

function controls(change) {
  const labelled = (word, control) => el("label", {}, el("span", {}, word), control);
  const select = (key, options) =>
    el(
      "select",
      { name: key, change: (event) => change(key, event.target.value) },
      options.map(([value, word]) => el("option", { value, selected: value === view[key] }, word)),
    );
  const levels = Object.keys(report.levels.counts);
  const models = LADDER.map((model, index) => [String(index), plain(model)]);
  const seen = about.verdicts.filter((verdict) =>
    TASKS.some((task) => task.verdicts.some((row) => row.includes(verdict))),
  );
  return el(
    "form",
    { class: "controls", role: "search", submit: (event) => event.preventDefault() },
    labelled(
      "Search",
      el("input", {
        type: "search",
        name: "search",
        placeholder: "task id or words of its prompt",
        input: (event) => change("search", event.target.value),
      }),
    ),
    labelled("Level", select("level", [["", "any"], ...levels.map((level) => [level, level]), ["none", "none"]])),
    labelled("Model", select("model", [["", "any"], ...models])),
    seen.length
      ? labelled("Verdict", select("verdict", [["", "any"], ...seen.map((verdict) => [verdict, verdict])]))
      : null,
    CHOOSERS.length > 1
      ? labelled(
          "Policy",
          select(
            "chooser",
            CHOOSERS.map((policy) => [policy, plain(policy)]),
          ),
        )
      : null,
    CHOOSERS.length ? labelled("Chosen model", select("chosen", [["", "any"], ...models])) : null,
    labelled(
      "Sort by",
      select("sort", [
        ["index", "order of the run"],
        ["level", "level"],
        ...models.map(([index, word]) => [`model-${index}`, word]),
        ...(CHOOSERS.length
          ? [
              ["chosen", "chosen model"],
              ["overpaid", "overpaid"],
            ]
          : []),
      ]),
    ),
    CHOOSERS.length
      ? el(
          "label",
          { class: "check" },
          el("input", {
            type: "checkbox",
            name: "overpaid",
            change: (event) => change("overpaid", event.target.checked),
          }),
          el("span", {}, "overpaid only"),
        )
      : null,
  );
}

function headers(change) {
  const head = (key, word, title) =>
    el(
      "th",
      { scope: "col", class: key === "index" ? "" : "number", "data-sort": key },
      el("button", { type: "button", title, click: () => change("sort", key) }, word),
    );
  return [
    head("index", "Task", "in the order of the run"),
    head("level", "Level", "1 is easy"),
    ...LADDER.map((model, index) => head(`model-${index}`, name(model), "trials right")),
    CHOOSERS.length ? head("chosen", "Chosen", "the model that the policy asks") : null,
    CHOOSERS.length
      ? head("overpaid", "Overpaid", "cost beyond that of the cheapest model that is right as often")
      : null,
  ];
}

function showRows({ body, told, heads, previous, place, next }) {
  const found = matching();
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  body.replaceChildren(...found.slice(view.page * PAGE, (view.page + 1) * PAGE).map(taskRow));
  const overpaid = CHOOSERS.length ? `; overpaid ${money(d3.sum(found, overpaidOf))} in all` : "";
  told.textContent = `${plural(found.length, "task")} of ${count(TASKS.length)}${overpaid}`;
  for (const cell of heads)
    cell.setAttribute("aria-sort", cell.dataset.sort !== view.sort ? "none" : view.down ? "descending" : "ascending");
  place.textContent = `page ${view.page + 1} of ${pages}`;
  previous.disabled = view.page === 0;
  next.disabled = view.page + 1 === pages;
}

function taskRow(task) {
  const chosen = chosenOf(task);
  const line = prompts ? snippet(prompts[task.index]) : "\u00a0"; // keeps its place while the prompts are unpacked
  const shareOf = (model) =>
    el(
      "td",
      { class: "number rate", "data-label": plain(LADDER[model]), style: `--share: ${task.rates[model] ?? 0}` },
      task.trials[model] ? `${task.successes[model]}/${task.trials[model]}` : "–",
    );
  return el(
    "tr",
    { click: (event) => event.target.closest("a") || openTask(task) },
    el(
      "th",
      { scope: "row" },
      el("a", { href: taskAddress(task) }, name(task.key)),
      el("span", { class: "snippet" }, ...visible(line)),
    ),
    el("td", { class: "number", "data-label": "level" }, task.level === null ? "–" : String(task.level)),
    LADDER.map((_, model) => shareOf(model)),
    CHOOSERS.length
      ? el("td", { class: "number", "data-label": "chosen" }, chosen === null ? "–" : name(LADDER[chosen]))
      : null,
    CHOOSERS.length ? el("td", { class: "number", "data-label": "overpaid" }, money(overpaidOf(task))) : null,
  );
}

/** What a prompt is about, in a line: the sentence of a docstring where it is code, else its beginning. */
function snippet(prompt) {
  const docstring = /(?:"""|''')\s*([\s\S]*?)(?:"""|'''|>>>|$)/.exec(prompt);
  return (docstring ? docstring[1] : prompt).trim().replace(/\s+/g, " ").slice(0, 110);
}

// -- one task ---------------------------------------------------------------------------------------------------------

const dialog = document.getElementById("task");
const taskAddress = (task) => `#task=${encodeURIComponent(task.key).replaceAll("%2F", "/")}`;
const openTask = (task) => {
  location.hash = taskAddress(task);
};
const chunks = new Map();

/** The details of a task, out of the chunk that it was packed in. */
async function details(task) {
  let chunk = 0;
  while (chunk + 1 < chunkStarts.length && chunkStarts[chunk + 1] <= task.index) chunk++;
  if (!chunks.has(chunk)) chunks.set(chunk, unpack(`data-chunk-${chunk}`));
  return (await chunks.get(chunk))[task.index - chunkStarts[chunk]];
}

/** Shows the task that the address names, or none. */
function followAddress() {
  const named = location.hash.startsWith("#task=") ? decoded(location.hash.slice("#task=".length)) : null;
  const task = named === null ? undefined : TASKS.find((each) => each.key === named);
  if (task) showTask(task);
  else if (dialog.open) dialog.close();
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // an address that somebody cut
  }
}

async function showTask(task) {
  const order = matching();
  const place = order.findIndex((each) => each.index === task.index);
  const step = (word, other) =>
    el("button", { type: "button", disabled: !other, click: () => other && openTask(other) }, word);
  const content = el("div", { class: "task-body" }, el("p", { class: "note" }, "Unpacking …"));
  dialog.replaceChildren(
    el(
      "header",
      {},
      el("h2", { id: "task-title", tabindex: "-1" }, name(task.key)),
      el(
        "p",
        {},
        step("Previous", order[place - 1]),
        step("Next", place < 0 ? null : order[place + 1]),
        el("button", { type: "button", click: () => dialog.close() }, "Close"),
      ),
    ),
    content,
  );
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  document.getElementById("task-title").focus();
  try {
    const [known, texts] = await Promise.all([details(task), unpackedPrompts()]);
    content.replaceChildren(...taskBody(task, known, texts[task.index]));
  } catch (why) {
    content.replaceChildren(
      el("p", {}, `This browser cannot unpack what the models wrote (${why}); completions.jsonl has it.`),
    );
  }
  dialog.dataset.shown = task.key;
}

async function unpackedPrompts() {
  prompts ??= await unpack("data-prompts");
  return prompts;
}

function taskBody(task, known, prompt) {
  const trials = d3.group(known.trials, (trial) => trial.model);
  return [
    el("p", { class: "facts" }, taskFacts(task)),
    prompt ? el("h3", {}, "Prompt") : null,
    prompt ? stranger(prompt.replace(/^\n+/, "")) : null,
    known.tests ? el("details", {}, el("summary", {}, "Tests"), stranger(known.tests)) : null,
    choices(task),
    walks(known.trials),
    ...LADDER.flatMap((model, index) => [
      el(
        "h3",
        {},
        name(model),
        el(
          "span",
          { class: "aside" },
          task.trials[index]
            ? ` ${task.successes[index]} of ${plural(task.trials[index], "trial")} right`
            : " not measured",
        ),
      ),
      ...(trials.get(model) ?? []).map(trialDetails),
    ]),
  ].filter(Boolean);
}

function taskFacts(task) {
  const status = task.level === null ? "no level" : `level ${task.level}`;
  return task.predicted_level === undefined ? status : `${status}; predicted ${task.predicted_level}`;
}

/** Which model each policy asks for this task, and what that costs. */
function choices(task) {
  const rows = Object.entries(task.chosen ?? {});
  if (!rows.length) return null;
  const made = table(
    "What the policies choose here",
    [
      { head: "policy", text: true, cell: ([policy]) => name(policy) },
      { head: "asks", text: true, cell: ([, index]) => name(LADDER[index]) },
      { head: "right", cell: ([, index]) => percent(task.rates[index], 0) },
      { head: "cost", cell: ([, index]) => money(task.costs?.[index]) },
      { head: "overpaid", cell: ([policy]) => money(task.overpaid?.[policy]) },
    ],
    rows,
  );
  return el("div", { class: "scroll" }, made);
}

/** What each cascade does with the trials in the order in which they were made: its calls, and what it hands in. */
function walks(trials) {
  const cascades = Object.entries(report.policies).filter(([, policy]) => policy.kind === "cascade" && policy.plan);
  if (!cascades.length || !trials.length) return null;
  const made = table(
    "What the cascades do here, call by call",
    [
      { head: "policy", text: true, cell: ([policy]) => name(policy) },
      { head: "plan", text: true, cell: ([, { plan }]) => plan },
      {
        head: "calls",
        text: true,
        cell: ([, policy]) => el("span", {}, ...visible(walk(policy, trials).map(told).join(", "))),
      },
      { head: "hands in", text: true, cell: ([, policy]) => el("span", {}, ...visible(handed(walk(policy, trials)))) },
    ],
    cascades,
  );
  return el("div", { class: "scroll" }, made);
}

const told = (trial) => `${trial.model} ${trial.trial} ${CHECKED[trial.visible]}`;
const CHECKED = { true: "passes the check", false: "fails it", null: "unchecked" };

/** The trials that a cascade calls: up to the first that passes, or one where the prompt shows nothing. */
function walk({ plan, stages }, trials) {
  const measured = trials.filter((trial) => trial.verdict !== "unmeasured");
  const shows = measured.some((trial) => trial.visible !== null);
  const alone = [{ ...stages[plan.endsWith("/last") ? stages.length - 1 : 0], calls: 1 }];
  const called = [];
  for (const { model, calls } of shows ? stages : alone) {
    for (const trial of measured.filter((each) => each.model === model).slice(0, calls)) {
      called.push(trial);
      if (trial.visible) return called;
    }
  }
  return called;
}

/** The answer that passed, else the first of the model asked last. */
function handed(called) {
  const last = called.at(-1);
  if (!last) return "–";
  const given = last.visible ? last : called.find((each) => each.model === last.model);
  return `${given.model} ${given.trial}: ${given.verdict}`;
}

function trialDetails(trial, place) {
  const facts = [
    trial.seconds != null ? `${trial.seconds.toFixed(1)} s` : null,
    trial.tokens != null ? plural(trial.tokens, "token") : null,
    trial.cost_usd != null ? dollars(trial.cost_usd, TASK_DECIMALS) : null,
  ];
  return el(
    "details",
    { class: "trial", open: place === 0 },
    el(
      "summary",
      {},
      el("span", { class: `badge verdict-${trial.verdict}` }, trial.verdict),
      ` trial ${trial.trial} `,
      el("span", { class: "detail" }, ...visible(trial.detail)),
      el("span", { class: "aside" }, facts.filter(Boolean).join(", ")),
    ),
    trial.text === null ? el("p", { class: "note" }, "The run directory has no completion.") : completion(trial),
  );
}

/** The completion, what was not run of it dimmed. */
function completion(trial) {
  const [start, end] = trial.code;
  const pre = el("pre", { tabindex: "0", dir: "ltr" });
  const part = (text, dim) => text && pre.append(el("span", { class: dim ? "not-run" : "run" }, ...visible(text)));
  part(trial.text.slice(0, start), true);
  part(trial.text.slice(start, end), false);
  part(trial.text.slice(end), true);
  if (!trial.text) pre.append(el("span", { class: "aside" }, "(empty)"));
  return pre;
}

const stranger = (text) => el("pre", { tabindex: "0", dir: "ltr" }, ...visible(text));

dialog.addEventListener("close", () => {
  delete dialog.dataset.shown;
  if (location.hash.startsWith("#task=")) history.pushState(null, "", "#tasks");
});
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
