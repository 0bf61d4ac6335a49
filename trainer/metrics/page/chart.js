// Chart: curves over steps as plain SVG, drawn anew whenever there is something new; a pointer shows values.

const margin = {left: 54, right: 12, top: 14, bottom: 34};
let charted = 0;

// Round numbers inside [low, high], about `wanted` of them.
function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const list = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; ++i) list.push(i * step);
  return list;
}

// Index of the value of a rising list that lies nearest to `x`.
function nearest(list, x) {
  let low = 0, high = list.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle] <= x) low = middle; else high = middle;
  }
  return high >= 0 && Math.abs(list[high] - x) < Math.abs(list[low] - x) ? high : low;
}

function extent(lists) {
  let low = Infinity, high = -Infinity;
  for (const list of lists) {
    for (const value of list) {
      if (!isNumber(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

function quantile(list, fraction) {
  const sorted = list.filter(isNumber).sort((a, b) => a - b);
  return sorted[Math.floor(fraction * (sorted.length - 1))];
}

function swatch(line) {
  const kind = line.style === 'area' ? '' : line.dashed ? ' dashed' : ' line';
  return make('span', {class: `swatch${kind}`, style: `color:${line.color}${line.style === 'faint' ? ';opacity:.45' : ''}`});
}

class Chart {
  // format: of a value; options: height in pixels; fromZero: the axis begins at 0; wide: a row of its own; cut: a few
  // values far above all others leave the chart at its top, which then says how high they are.
  constructor(title, format, {height = 170, fromZero = false, wide = false, cut = false} = {}) {
    Object.assign(this, {format, height, fromZero, cut, lines: [], marks: [], clip: `clip${++charted}`});
    this.heading = make('h2', {}, title);
    this.legend = make('div', {class: 'legend'});
    this.host = make('div', {class: 'chart'});
    this.tip = make('div', {class: 'tip', hidden: ''});
    this.node = make('div', {class: wide ? 'card wide' : 'card'}, this.heading, this.legend, this.host);
    for (const event of ['pointermove', 'pointerdown']) {
      this.host.addEventListener(event, (e) => this.hover(e.clientX - this.host.getBoundingClientRect().left));
    }
    this.host.addEventListener('pointerleave', () => this.hover(null));
  }

  // A line: {name, color, x, y, low, high (a band between them, or null), style: line | faint | dots | area, dashed}; an
  // area lies between low and high. A mark: {kind, x, color, text}.
  update(lines, marks) {
    this.lines = lines.filter((line) => line.x.length > 0);
    this.marks = marks;
    this.legend.replaceChildren(...lines.map((line) => make('span', {}, swatch(line), line.legend ?? line.name)));
    this.render();
  }

  render() {
    const width = this.host.clientWidth;
    const xs = extent(this.lines.map((line) => line.x));
    if (width === 0) return;
    this.svg = shape('svg', {viewBox: `0 0 ${width} ${this.height}`, height: this.height, role: 'img', 'aria-label': this.heading.textContent});
    this.host.replaceChildren(this.svg, this.tip);
    const values = this.lines.flatMap((line) => [line.style === 'area' ? [] : line.y, line.low ?? [], line.high ?? []]);
    const ys = extent(values);
    if (!xs || !ys) {
      this.svg.append(shape('text', {x: width / 2, y: this.height / 2, 'text-anchor': 'middle'}, 'nothing recorded yet'));
      this.scale = null;
      return;
    }
    const highest = ys[1];
    if (this.cut) ys[1] = Math.min(ys[1], 1.5 * quantile(values.flat(), 0.98));
    if (ys[1] <= ys[0]) ys[1] = highest;
    this.setScale(width, xs, ys);
    this.drawAxes(width);
    this.svg.append(shape('clipPath', {id: this.clip}, shape('rect', {x: 0, y: margin.top - 2, width, height: this.height - margin.top - margin.bottom + 3})));
    this.curves = shape('g', {'clip-path': `url(#${this.clip})`});
    this.svg.append(this.curves);
    for (const line of this.lines) this.drawLine(line);
    if (ys[1] < highest) {
      this.svg.append(shape('text', {x: width - margin.right, y: 9, 'text-anchor': 'end'}, `peaks up to ${this.format(highest)}`));
    }
    this.drawMarks();
    this.hover(this.pointer ?? null);
  }

  setScale(width, [left, right], [low, high]) {
    if (left === right) [left, right] = [left - 1, right + 1];
    if (this.fromZero) low = Math.min(0, low);
    const room = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
    high += room;
    if (!this.fromZero || low < 0) low -= room;
    const across = width - margin.left - margin.right, down = this.height - margin.top - margin.bottom;
    this.scale = {
      left, right, low, high,
      x: (value) => margin.left + across * (value - left) / (right - left),
      y: (value) => margin.top + down * (high - value) / (high - low),
      step: (x) => left + (right - left) * (x - margin.left) / across,
    };
  }

  drawAxes(width) {
    const {left, right, low, high, x, y} = this.scale;
    const bottom = this.height - margin.bottom;
    for (const value of ticks(low, high, this.height / 45)) {
      this.svg.append(shape('line', {x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value), class: 'gridline'}));
      this.svg.append(shape('text', {x: margin.left - 6, y: y(value) + 4, 'text-anchor': 'end'}, this.format(Number(value.toPrecision(12)))));
    }
    this.svg.append(shape('line', {x1: margin.left, x2: width - margin.right, y1: bottom, y2: bottom, class: 'axis'}));
    for (const value of ticks(left, right, width / 90)) {
      if (!Number.isInteger(value)) continue;
      const anchor = x(value) > width - 30 ? 'end' : 'middle';
      this.svg.append(shape('text', {x: anchor === 'end' ? width - 2 : x(value), y: this.height - 5, 'text-anchor': anchor}, value.toLocaleString('en')));
    }
  }

  // Pieces of a list of points between values that are missing.
  pieces(line, values) {
    const all = [[]];
    line.x.forEach((x, i) => {
      if (values.every((list) => isNumber(list[i]))) all[all.length - 1].push(i); else all.push([]);
    });
    return all.filter((piece) => piece.length > 0);
  }

  drawLine(line) {
    const {x, y} = this.scale;
    const at = (i, list) => `${x(line.x[i]).toFixed(1)},${y(list[i]).toFixed(1)}`;
    if (line.low) {
      for (const piece of this.pieces(line, [line.low, line.high])) {
        const outline = [...piece.map((i) => at(i, line.high)), ...piece.reverse().map((i) => at(i, line.low))];
        this.curves.append(shape('polygon', {points: outline.join(' '), fill: line.color, 'fill-opacity': line.style === 'area' ? 0.8 : 0.18,
          stroke: line.color, 'stroke-opacity': line.style === 'area' ? 0.8 : 0.18, 'stroke-width': 1}));
      }
    }
    if (line.style === 'area') return;
    for (const piece of this.pieces(line, [line.y])) {
      this.curves.append(shape('polyline', {points: piece.map((i) => at(i, line.y)).join(' '), fill: 'none', stroke: line.color,
        'stroke-width': line.style === 'faint' ? 1 : 2, 'stroke-opacity': line.style === 'faint' ? 0.5 : 1, 'stroke-linejoin': 'round',
        'stroke-dasharray': line.dashed ? '5 3' : 'none'}));
      if (piece.length > 1 && (line.style !== 'dots' || piece.length > 60)) continue;
      for (const i of piece) this.curves.append(shape('circle', {cx: x(line.x[i]), cy: y(line.y[i]), r: 3, fill: line.color}));
    }
  }

  // A row of signs below the axis; a restart is a line through the curves.
  drawMarks() {
    const {left, right, x} = this.scale;
    const top = this.height - margin.bottom + 3;
    const last = {};
    for (const mark of this.marks) {
      if (mark.x < left || mark.x > right) continue;
      const at = x(mark.x);
      if (at - (last[mark.kind] ?? -20) < 9) continue;  // no room for another
      last[mark.kind] = at;
      if (mark.kind === 'resume') {
        this.svg.append(shape('line', {x1: at, x2: at, y1: margin.top, y2: top + 6, class: 'restart'}));
      }
      this.svg.append(markSign(mark.kind, at, top, mark.color));
    }
  }

  hover(pointer) {
    this.pointer = pointer;
    this.svg?.querySelectorAll('.cursor').forEach((node) => node.remove());
    this.tip.hidden = pointer === null || !this.scale;
    if (this.tip.hidden) return;
    const found = this.lines.map((line) => [line, nearest(line.x, this.scale.step(pointer))])
      .filter(([line, i]) => Math.abs(this.scale.x(line.x[i]) - pointer) < 40);
    if (found.length === 0) {
      this.tip.hidden = true;
      return;
    }
    const step = found[0][0].x[found[0][1]], x = this.scale.x(step);
    this.svg.append(shape('line', {x1: x, x2: x, y1: margin.top, y2: this.height - margin.bottom, class: 'cursor'}));
    const rows = found.map(([line, i]) => this.tipRow(line, i, step));
    const near = this.marks.filter((mark) => Math.abs(this.scale.x(mark.x) - pointer) < 6).slice(0, 4);
    this.tip.replaceChildren(make('div', {}, make('b', {}, `step ${count(step)}`)), ...rows,
      ...near.map((mark) => make('div', {class: 'soft'}, mark.text)));
    const onRight = x < this.host.clientWidth / 2;
    this.tip.style.left = onRight ? `${x + 10}px` : 'auto';
    this.tip.style.right = onRight ? 'auto' : `${this.host.clientWidth - x + 10}px`;
  }

  tipRow(line, i, step) {
    const band = line.low && line.style !== 'area' ? ` (${this.format(line.low[i])} … ${this.format(line.high[i])})` : '';
    const where = line.x[i] === step ? '' : ` at ${count(line.x[i])}`;
    return make('div', {}, make('span', {class: 'swatch', style: `color:${line.color}`}), `${line.name}${where}: ${this.format(line.y[i])}${band}`);
  }
}

// The sign of an event, 7 pixels high, hanging from `top` around `x`.
function markSign(kind, x, top, color) {
  const points = {
    checkpoint: `${x},${top} ${x + 4},${top + 7} ${x - 4},${top + 7}`,
    validation: `${x},${top} ${x + 3.5},${top + 3.5} ${x},${top + 7} ${x - 3.5},${top + 3.5}`,
    resume: `${x - 4},${top} ${x + 4},${top} ${x},${top + 7}`,
  }[kind];
  if (points) return shape('polygon', {points, fill: color});
  return shape('path', {d: `M${x - 3},${top}l6,7m0,-7l-6,7`, stroke: color, 'stroke-width': 2});
}
