// The page: asks the server for what is new, about once a second, and shows it.

const colors = [0, 1, 2, 3, 4, 5, 6, 7].map((c) => `var(--c${c})`);
const byId = (id) => document.getElementById(id);
let runs = [];
let panels = [];  // of each run: {phases, ranks, verdict, memory, facts, events}
let charts = {};
let failures = 0, timer = 0, quiet = 0, asking = false, drawnWidth = 0;

function card(title, run, ...children) {
  return make('div', {class: 'card'}, make('h2', {}, title, runs.length > 1 ? make('small', {}, ` ${run.name}`) : ''), ...children);
}

function buildCharts() {
  charts = {
    loss: new Chart('Loss', plain, {height: 280, wide: true}),
    gradient_norm: new Chart('Gradient norm', plain, {cut: true}),
    learning_rate: new Chart('Learning rate', plain, {fromZero: true}),
    tokens_per_second: new Chart('Tokens per second', short, {fromZero: true}),
    model_flops_utilization_ratio: new Chart('MFU', percent, {fromZero: true}),
    step_seconds: new Chart('Time of a step', seconds, {fromZero: true, cut: true}),
  };
  byId('curves').replaceChildren(...Object.values(charts).map((chart) => chart.node));
}

function buildPanels() {
  panels = runs.map((run) => {
    const panel = {phases: new Chart('Time by phase', seconds, {fromZero: true, cut: true}), ranks: make('div'), verdict: make('div'),
      memory: make('div'), facts: make('div'), events: make('div')};
    if (runs.length > 1) panel.phases.heading.append(make('small', {}, ` ${run.name}`));
    panel.nodes = [card('Own time of each rank in a step', run, panel.ranks, panel.verdict), card('Memory of rank 0, used of plan', run, panel.memory),
      card('Events', run, panel.events), card('Run', run, panel.facts)];
    return panel;
  });
  byId('curves').append(...panels.map((panel) => panel.phases.node));
  byId('details').replaceChildren(...panels.flatMap((panel) => panel.nodes));
}

// A noisy series: smoothed, and of a run by itself every value behind that.
function smoothLines(run, key, name) {
  const smooth = run.smoothed(key), several = runs.length > 1, over = `smoothed over ${count(smooth.steps)} steps`;
  const lines = several ? [] : [run.line(key, name, run.color, 'faint')];
  lines.push({name: several ? run.name : 'smoothed', color: run.color, style: 'line', x: run.step, y: smooth.y,
    legend: several ? `${run.name}, ${over}` : over});
  return lines;
}

function lossLines(run) {
  const validation = run.validation(), several = runs.length > 1, lines = smoothLines(run, 'loss', 'training');
  if (validation.length > 0) {
    lines.push({name: several ? `${run.name}, validation` : 'validation', color: several ? run.color : 'var(--c1)', style: 'dots', dashed: several,
      x: validation.map((mark) => mark.step), y: validation.map((mark) => mark.value)});
  }
  return lines;
}

function markLegend(marks) {
  const names = {checkpoint: 'checkpoint', validation: 'evaluation', resume: 'restart', skip: 'skipped step'};
  const present = Object.keys(names).filter((kind) => marks.some((mark) => mark.kind === kind));
  return present.map((kind) => make('span', {}, (() => {
    const svg = shape('svg', {width: 10, height: 8, style: 'display:inline;width:10px'});
    svg.append(markSign(kind, 5, 0, runs.length > 1 ? 'var(--soft)' : marks.find((mark) => mark.kind === kind).color));
    return svg;
  })(), ` ${names[kind]}`));
}

function drawCurves() {
  const marks = runs.flatMap((run) => run.chartMarks(runs.length > 1)).sort((a, b) => a.x - b.x);
  charts.loss.update(runs.flatMap(lossLines), marks);
  charts.loss.legend.append(...markLegend(marks));
  const others = marks.filter((mark) => mark.kind !== 'validation');
  for (const [key, chart] of Object.entries(charts)) {
    if (key === 'loss') continue;
    chart.update(runs.flatMap((run) => key === 'learning_rate' ? [run.line(key, runs.length > 1 ? run.name : 'rate', run.color)] : smoothLines(run, key, 'each step')), others);
    chart.legend.replaceChildren();  // as in the chart of the loss
  }
}

function drawPanel(run, panel, everything) {
  if (everything || run.changed.steps) {
    panel.phases.update(phaseLines(run), []);
    drawRanks(run, panel.ranks);
    panel.verdict.replaceChildren(rankVerdict(run));
  }
  if (everything || run.changed.facts) {
    panel.memory.replaceChildren(memoryTable(run));
    panel.facts.replaceChildren(factsTable(run));
  }
  if (everything || run.changed.marks) panel.events.replaceChildren(...eventsList(run));
}

function show(now, everything) {
  byId('runs').replaceChildren(...runs.map((run) => summary(run, now)));
  if (everything || runs.some((run) => run.changed.steps || run.changed.marks)) drawCurves();
  runs.forEach((run, i) => drawPanel(run, panels[i], everything));
  const loss = runs[0]?.latest?.loss;
  document.title = runs.length === 1 ? `${plain(loss)} · ${runs[0].name} · Phalanx` : `${runs.length} runs · Phalanx`;
}

function notice(text) {
  byId('notice').textContent = text;
  byId('notice').hidden = text === '';
}

// True when the server has more to tell at once.
async function ask() {
  const answer = await fetch(`api/history?after=${runs.map((run) => run.cursor).join(',')}`, {cache: 'no-store'});
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const {time, runs: parts} = await answer.json();
  const rebuild = parts.length !== runs.length;
  if (rebuild) runs = parts.map((part, i) => new Run(colors[i % colors.length]));
  if (rebuild && parts.some((part) => !part.history.reset)) return true;
  runs.forEach((run, i) => run.take(parts[i]));
  for (const run of runs) run.name = run.label(runs);
  if (rebuild) {
    buildCharts();
    buildPanels();
  }
  quiet = runs.some((run) => run.changed.steps) ? 0 : quiet + 1;
  show(time, rebuild);
  return runs.some((run) => run.more);
}

async function poll() {
  if (asking) return;
  clearTimeout(timer);
  let more = false;
  asking = true;
  try {
    more = await ask();
    failures = 0;
    notice('');
  } catch (error) {
    ++failures;
    if (failures > 2) notice(`No answer from ${location.host} (${error.message}): what is below is the last that was heard. Asking again.`);
  }
  asking = false;
  const wait = more ? 0 : document.hidden ? 15000 : failures > 2 || quiet > 60 ? 5000 : 1000;
  timer = setTimeout(poll, wait);
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) poll(); });
new ResizeObserver(() => {
  if (drawnWidth === document.body.clientWidth) return;
  drawnWidth = document.body.clientWidth;
  for (const chart of Object.values(charts)) chart.render();
  runs.forEach((run, i) => {
    panels[i]?.phases.render();
    if (panels[i]) drawRanks(run, panels[i].ranks);
  });
}).observe(document.body);
poll();
