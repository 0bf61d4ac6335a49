// Numbers as people read them.

const none = '–';

function isNumber(value) { return typeof value === 'number' && Number.isFinite(value); }

// Four or so digits: 4.3827, 0.0123, 1.25e-7.
function plain(value) {
  if (!isNumber(value)) return none;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace(/\.?0+e/, 'e');
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 4)));
}

function count(value) { return isNumber(value) ? Math.round(value).toLocaleString('en') : none; }

// 12.3 k, 4.2 M: three digits and a prefix.
function short(value, unit = '') {
  if (!isNumber(value)) return none;
  let prefix = 0;
  while (Math.abs(value) >= 999.5 && prefix < 6) {
    value /= 1000;
    ++prefix;
  }
  return `${Number(value.toPrecision(3))} ${['', 'k', 'M', 'G', 'T', 'P', 'E'][prefix]}${unit}`.trim();
}

function percent(value) { return isNumber(value) ? `${Number((100 * value).toFixed(1))} %` : none; }

// Of one step.
function seconds(value) {
  if (!isNumber(value)) return none;
  if (value === 0) return '0 s';
  if (value < 1e-3) return `${Number((1e6 * value).toPrecision(3))} µs`;
  if (value < 1) return `${Number((1e3 * value).toPrecision(3))} ms`;
  return `${Number(value.toPrecision(3))} s`;
}

function duration(value) {
  if (!isNumber(value) || value < 0) return none;
  const total = Math.round(value), minutes = Math.floor(total / 60), hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} m`;
  if (minutes > 0) return `${minutes} m ${total % 60} s`;
  return `${total} s`;
}

function bytes(value) {
  if (!isNumber(value)) return none;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
}

function moment(time) {
  const parts = {day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit'};
  return isNumber(time) ? new Date(1000 * time).toLocaleString('en-GB', parts) : none;
}

// An element; text is never read as HTML.
function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

function shape(name, attributes = {}, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
