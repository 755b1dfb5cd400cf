// Clients of a service whose replicas come and go: half of them look up its name for each request, half keep a connection.
import { check } from 'k6';
import http from 'k6/http';
import { Counter } from 'k6/metrics';

const URL = __ENV.BASE_URL || 'http://proxy:8080';
const SECONDS = Number(__ENV.SECONDS || 120);
const RATE = Number(__ENV.RATE || 50);
const BODY = 'hello world '.repeat(100);
const opened = new Counter('connections_opened');

const clients = (headers) => ({
  executor: 'constant-arrival-rate',
  rate: RATE,
  duration: `${SECONDS}s`,
  preAllocatedVUs: 100,
  maxVUs: 200,
  gracefulStop: '35s',
  env: { HEADERS: JSON.stringify(headers) },
});

export const options = {
  scenarios: { fresh: clients({ Connection: 'close' }), kept: clients({}) },
  dns: { ttl: '0', select: 'random' },
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    // A machine that is busy with other things may start some too late; it does not start half of them too late.
    'http_reqs{scenario:fresh}': [`count>${(RATE * SECONDS) / 2}`],
    'http_reqs{scenario:kept}': [`count>${(RATE * SECONDS) / 2}`],
    'connections_opened{scenario:kept}': ['count>0'],
  },
};

export default function () {
  const headers = JSON.parse(__ENV.HEADERS);
  const [what, response] = ask(__ITER % 4, headers);
  if (response.timings.connecting > 0) opened.add(1);
  const good = check(response, { 'an answer, and the right one': () => response.status === 200 && what(response.body) });
  if (!good) console.log(`${response.url}: ${response.status} ${response.error} ${response.headers['X-Proxy-Error'] || ''}`);
}

function ask(kind, headers) {
  switch (kind) {
    case 0:
      return [(body) => body === BODY, http.post(`${URL}/echo`, BODY, { headers })];
    case 1:
      return [(body) => body.startsWith('after'), http.get(`${URL}/delay/300`, { headers })];
    case 2:
      return [(body) => body.length === 100000, http.get(`${URL}/bytes/100000`, { headers })];
    default:
      return [(body) => body.startsWith('GET /'), http.get(`${URL}/`, { headers })];
  }
}

export function handleSummary({ metrics }) {
  const count = (name) => (metrics[name] ? metrics[name].values.count || 0 : 0);
  const lines = [
    `requests ${count('http_reqs')}`,
    `over new connections ${count('http_reqs{scenario:fresh}')}`,
    `over kept connections ${count('http_reqs{scenario:kept}')}, of which were opened ${count('connections_opened{scenario:kept}')}`,
    `failed requests ${metrics.http_req_failed.values.passes}`,
    `wrong answers ${metrics.checks.values.fails}`,
    `not made, for want of a client ${count('dropped_iterations')}`,
    `milliseconds p95 ${metrics.http_req_duration.values['p(95)'].toFixed(1)}`,
    `milliseconds at most ${metrics.http_req_duration.values.max.toFixed(1)}`,
  ];
  return { stdout: `${lines.join('\n')}\n` };
}
