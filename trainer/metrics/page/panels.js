// What stands beside the curves, for one run each: figures, ranks, memory, facts, events.

const phases = ['data', 'forward', 'backward', 'reduce', 'optimizer'];
const slowFactor = 1.3;  // times the median: a straggler

function figure(name, value, exact, extra = null) {
  return make('div', {}, make('dt', {}, name), make('dd', {title: exact === undefined || exact === null ? '' : String(exact)},
    value, extra ? make('small', {}, extra) : ''));
}

function figuresOf(run) {
  const s = run.latest ?? {}, validation = run.last.validation;
  return make('dl', {class: 'figures'},
    figure('loss', plain(s.loss), s.loss),
    figure('validation loss', plain(validation?.value), validation?.value, validation ? `at ${count(validation.step)}` : null),
    figure('learning rate', plain(s.learning_rate), s.learning_rate),
    figure('gradient norm', plain(s.gradient_norm), s.gradient_norm),
    figure('tokens/s', count(s.tokens_per_second), s.tokens_per_second),
    figure('MFU', percent(s.model_flops_utilization_ratio), s.model_flops_utilization_ratio),
    figure('step time', seconds(s.step_seconds), s.step_seconds),
    figure('tokens', short(s.tokens), s.tokens));
}

// Running, but silent for long: alive or not, somebody should look.
function silence(run, now) {
  if (!run.latest || run.state !== 'running') return null;
  const quiet = now - run.latest.time;
  return quiet > Math.max(60, 10 * run.latest.step_seconds) ? `no step for ${duration(quiet)}` : null;
}

function summary(run, now) {
  const step = run.latest?.step ?? 0, steps = run.info?.steps ?? 0, quiet = silence(run, now);
  const done = steps > 0 ? Math.min(1, step / steps) : 0;
  const elapsed = run.latest ? run.latest.time - run.info.time : null;
  const parts = [`step ${count(step)} of ${count(steps)}`, percent(done), `elapsed ${duration(elapsed)}`];
  if (!['finished', 'stopped', 'failed'].includes(run.state)) parts.push(`ETA ${duration(run.eta)}`);
  if (run.more) parts.push(`reading its history: ${percent(run.read / run.bytes)}`);
  return make('article', {class: 'card run'},
    make('header', {}, make('h1', {}, make('span', {class: 'swatch', style: `color:${run.color}`}), run.name),
      run.state ? make('span', {class: `state ${run.state}`}, run.state) : null,
      make('span', {class: 'soft'}, parts.map((part) => part.replaceAll(' ', '\u00a0')).join(' · ')),
      quiet ? make('span', {class: 'alert'}, quiet) : null),
    run.problem ? make('p', {class: 'problem'}, run.problem) : null,
    run.reason ? make('p', {class: 'soft'}, run.reason) : null,
    make('div', {class: 'progress'}, make('div', {style: `width:${100 * done}%;background:${run.color}`})),
    figuresOf(run));
}

// Means of `each` neighbours.
function coarser(list, each) {
  const means = [];
  for (let first = 0; first < list.length; first += each) {
    const part = list.slice(first, first + each).filter(isNumber);
    means.push(part.length > 0 ? part.reduce((sum, value) => sum + value, 0) / part.length : null);
  }
  return means;
}

// Areas on top of one another; coarser than other curves, or noise would hide which phase is which.
function phaseLines(run) {
  const each = Math.ceil(run.step.length / 120), x = coarser(run.step, each);
  let below = x.map(() => 0);
  return phases.map((phase, i) => {
    const y = coarser(run.mean[phase] ?? [], each);
    const low = below, high = below.map((value, b) => (isNumber(y[b]) ? value + y[b] : null));
    below = high.map((value) => value ?? 0);
    return {name: phase, legend: `${phase} ${seconds(run.latest?.[phase])}`, color: `var(--c${i})`, style: 'area', x, y, low, high};
  });
}

function median(list) {
  const sorted = list.filter(isNumber).sort((a, b) => a - b);
  return sorted.length > 0 ? sorted[(sorted.length - 1) >> 1] : NaN;
}

// Columns of ranks: one each, or where there is no room the slowest of some neighbours.
function rankColumns(list, most) {
  const each = Math.ceil(list.length / most), columns = [];
  for (let first = 0; first < list.length; first += each) {
    const part = list.slice(first, first + each);
    const value = Math.max(...part.map((v) => (isNumber(v) ? v : 0)));
    columns.push({value, first, rank: first + Math.max(0, part.indexOf(value))});
  }
  return columns;
}

function drawRanks(run, host) {
  const list = run.ranks?.seconds ?? [], width = host.clientWidth, height = 110, base = height - 16;
  const middle = median(list), columns = rankColumns(list, Math.max(1, Math.floor((width - 50) / 5)));
  if (columns.length === 0 || width === 0) {
    host.replaceChildren(make('p', {class: 'soft'}, 'not recorded yet'));
    return;
  }
  const top = Math.max(...columns.map((column) => column.value), 1.5 * middle) || 1, each = (width - 50) / columns.length;
  const svg = shape('svg', {viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': 'seconds of each rank'});
  const slow = columns.filter((column) => column.value > slowFactor * middle);
  columns.forEach((column, i) => {
    const tall = Math.max(1, (base - 14) * column.value / top), x = i * each, bar = Math.min(each - 1, 60);
    const late = slow.includes(column);
    svg.append(shape('rect', {x: x + (each - bar) / 2, y: base - tall, width: bar, height: tall, fill: late ? 'var(--bad)' : 'var(--c0)', rx: 1},
      shape('title', {}, `rank ${column.rank}: ${seconds(column.value)}`)));
    if (late && (slow.length <= 4 || each > 30)) {
      svg.append(shape('text', {x: Math.min(Math.max(x + each / 2, 14), width - 64), y: base - tall - 3, 'text-anchor': 'middle'}, `${(column.value / middle).toFixed(1)} ×`));
    }
    if (i % Math.ceil(36 / each) === 0) {
      svg.append(shape('text', {x: x + each / 2, y: height - 3, 'text-anchor': 'middle'}, String(column.first)));
    }
  });
  const y = base - (base - 14) * middle / top;
  svg.append(shape('line', {x1: 0, x2: width - 50, y1: y, y2: y, class: 'cursor'}), shape('text', {x: width - 46, y: y + 4}, 'median'));
  host.replaceChildren(svg);
}

function rankVerdict(run) {
  const list = run.ranks?.seconds ?? [], middle = median(list), slowest = list.indexOf(Math.max(...list.filter(isNumber)));
  if (!isNumber(middle) || middle <= 0 || list.length < 2) return make('p', {class: 'soft'}, list.length === 1 ? `one rank: ${seconds(list[0])}` : '');
  const ratio = list[slowest] / middle, text = `rank ${slowest} takes ${seconds(list[slowest])}, ${ratio.toFixed(2)} × the median of ${seconds(middle)}`;
  return make('p', {class: ratio > slowFactor ? 'alert' : 'soft', style: 'margin:4px 0 0'}, ratio > slowFactor ? `straggler: ${text}` : `slowest: ${text}`);
}

function memoryTable(run) {
  const rows = Object.entries(run.memory);
  if (rows.length === 0) return make('p', {class: 'soft'}, 'not recorded yet');
  rows.push(['together', {planned: rows.reduce((sum, [, m]) => sum + m.planned, 0), used: rows.reduce((sum, [, m]) => sum + m.used, 0)}]);
  return make('table', {}, ...rows.map(([name, {planned, used}]) => make('tr', {}, make('th', {}, name),
    make('td', {style: 'width:45%'}, make('div', {class: used > planned ? 'bar full' : 'bar'},
      make('div', {style: `width:${planned > 0 ? Math.min(100, 100 * used / planned) : 0}%`}))),
    make('td', {class: 'number', title: `${used} of ${planned} bytes`}, `${bytes(used)} of ${bytes(planned)}`))));
}

function factsTable(run) {
  const i = run.info ?? {};
  const rows = [['started', moment(i.time)], ['ranks', `${count(i.world_size)} = data ${count(i.data_ranks)} × tensor ${count(i.tensor_ranks)}, ${count(i.threads)} ${i.threads === 1 ? 'thread' : 'threads'} each`],
    ['device', `${i.device}, ${i.precision}`], ['reproducible', i.reproducible], ['parameters', count(i.parameters)],
    ['per token', `${short(i.flops_per_token, 'FLOP')}`], ['peak', `${short(i.peak_flops, 'FLOP/s')}, ${i.peak_source}`], ['folder', i.output]];
  if (run.digest) rows.push(['digest', `${run.digest.value} at step ${count(run.digest.step)}`]);
  return make('table', {}, ...rows.map(([name, value]) => make('tr', {}, make('th', {}, name), make('td', {}, value ?? none))));
}

function eventsList(run) {
  const names = {validation: 'evaluations', checkpoint: 'checkpoints', resume: 'restarts', skip: 'skipped steps'};
  const rows = run.marks.slice(-60).reverse().map((mark) => make('tr', {}, make('td', {class: 'soft', style: 'white-space:nowrap'}, moment(mark.time)), make('td', {}, markText(mark))));
  return [make('p', {class: 'soft', style: 'margin:0 0 4px'}, Object.entries(names).map(([key, name]) => `${count(run.counts[key])} ${name}`).join(', ')),
    make('div', {class: 'scroll'}, make('table', {}, ...rows))];
}
