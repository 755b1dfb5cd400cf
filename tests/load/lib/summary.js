// The end of each run: what was demanded and what was seen, a line each.

/** Called by k6. `SUMMARY` names a file for the counts, one a line, for tests/load/run. */
export function handleSummary(data) {
  const told = { stdout: table(data.metrics) };
  if (__ENV.SUMMARY) told[__ENV.SUMMARY] = counts(data.metrics);
  return told;
}

function table(metrics) {
  const lines = [];
  for (const [name, { thresholds, values }] of Object.entries(metrics).sort(([one], [other]) => (one < other ? -1 : 1))) {
    for (const [demand, { ok }] of Object.entries(thresholds || {})) {
      const [statistic] = demand.split(/[<>=]/);
      lines.push(row(`${name} ${demand}`, shown(values[statistic.trim()]), ok ? 'ok' : 'FAILED'));
    }
  }
  const { count, rate } = metrics.http_reqs ? metrics.http_reqs.values : { count: 0, rate: 0 };
  lines.push(row('requests', count), row('requests a second', shown(rate)));
  if (metrics.http_req_duration) {
    const { med, max, ...other } = metrics.http_req_duration.values;
    lines.push(row('milliseconds p50, p95, max', [med, other['p(95)'], max].map(shown).join(', ')));
  }
  return `${lines.join('\n')}\n`;
}

function counts(metrics) {
  const lines = Object.entries(metrics)
    .filter(([, { type }]) => type === 'counter')
    .map(([name, { values }]) => `${name} ${values.count}`);
  return `${lines.join('\n')}\n`;
}

function row(what, seen, verdict = '') {
  return `  ${what.padEnd(60)} ${String(seen).padStart(16)}  ${verdict}`.trimEnd();
}

function shown(value) {
  if (value === undefined) return 'none';
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 3 : 1);
}
