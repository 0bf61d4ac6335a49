// Run: one run as the server has told it so far.

const spreadKeys = ['min', 'max'];

class Run {
  constructor(color) {
    this.color = color;
    this.begin();
  }

  begin() {
    Object.assign(this, {cursor: '', step: [], time: [], mean: {}, min: null, max: null, width: 1, marks: [], counts: {}, last: {},
      info: null, memory: {}, digest: null, ranks: null, latest: null, eta: null});
  }

  // part: an element of "runs". Sets what changed: {steps, marks, facts}.
  take(part) {
    const {history} = part;
    this.changed = {steps: history.cursor !== this.cursor, marks: history.reset || history.marks.new.length > 0, facts: 'run' in history};
    if (history.reset) this.begin();
    Object.assign(this, {path: part.path, problem: part.problem, state: part.state, reason: part.reason, more: part.more,
      read: part.read, bytes: part.bytes, cursor: history.cursor, eta: history.eta_seconds});
    if (history.run) Object.assign(this, {info: history.run, memory: history.memory, digest: history.digest ?? null});
    if (history.ranks) this.ranks = history.ranks;
    if (history.latest) {
      this.changed.steps ||= this.latest?.step !== history.latest.step;
      this.latest = history.latest;
    }
    this.takeBins(history.bins);
    this.marks.length = history.marks.from;
    this.marks.push(...history.marks.new);
    Object.assign(this, {counts: history.marks.counts, last: history.marks.last});
  }

  takeBins(bins) {
    const extend = (list, more) => {
      list.length = bins.from;
      list.push(...more);
      return list;
    };
    extend(this.step, bins.step);
    extend(this.time, bins.time);
    this.width = bins.width;
    for (const key of Object.keys(bins.mean)) this.mean[key] = extend(this.mean[key] ?? [], bins.mean[key]);
    for (const kind of spreadKeys) {
      if (!bins[kind]) continue;
      this[kind] ??= {};
      for (const key of Object.keys(bins[kind])) this[kind][key] = extend(this[kind][key] ?? [], bins[kind][key]);
    }
  }

  // Its name; where others have the same one, with its folder.
  label(runs) {
    const name = this.info?.name || this.path || 'run';
    const alone = runs.every((run) => run === this || run.info?.name !== this.info?.name);
    const folder = (this.path ?? '').replace(/\/?metrics\.jsonl$/, '').split('/').pop();
    return alone || folder === '' || folder === name ? name : `${name} (${folder})`;
  }

  // The curve of a series; with a band from minimum to maximum where bins hold several steps.
  line(key, name, color, style = 'line', band = true) {
    return {name, color, style, x: this.step, y: this.mean[key] ?? [],
      low: band ? this.min?.[key] ?? null : null, high: band ? this.max?.[key] ?? null : null};
  }

  // Exponential mean over bins, without pull towards its beginning.
  smoothed(key) {
    const bins = Math.max(4, Math.round(this.step.length / 50)), keep = 1 - 2 / (bins + 1);
    let sum = 0, weight = 0;
    const y = (this.mean[key] ?? []).map((value) => {
      if (!isNumber(value)) return null;
      sum = keep * sum + value;
      weight = keep * weight + 1;
      return sum / weight;
    });
    return {y, steps: bins * this.width};
  }

  validation() { return this.marks.filter((mark) => mark.event === 'validation'); }

  chartMarks(several) {
    const colors = several ? {} : {skip: 'var(--bad)', validation: 'var(--c1)', checkpoint: 'var(--soft)', resume: 'var(--soft)'};
    return this.marks.map((mark) => ({kind: mark.event, x: mark.step, text: markText(mark), color: colors[mark.event] ?? this.color}));
  }
}

function markText(mark) {
  switch (mark.event) {
    case 'validation': return `evaluation at ${count(mark.step)}: loss ${plain(mark.value)}`;
    case 'checkpoint': return `checkpoint at ${count(mark.step)}, written in ${seconds(mark.value)}`;
    case 'resume': return `restarted from step ${count(mark.step)}`;
    default: return `step ${count(mark.step)} skipped, loss scale ${plain(mark.value)}`;
  }
}
