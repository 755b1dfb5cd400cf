// Clients that are slow with heads, with bodies and with reading: do the others notice?
import { check } from 'k6';
import http from 'k6/http';
import { P95, PROXY, arrivals, cue, number, seconds } from './lib/target.js';
export { say } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

// k6 cannot be slow: what it gets, it reads at once. It plays the others; tests/load/run brings the slow ones.
const RATE = number('RATE', 200);
const DURATION = seconds('DURATION', '20s');

export const options = {
  scenarios: {
    alone: arrivals(RATE, 0, DURATION / 4),
    cue: cue(DURATION / 4, 'slow clients'),
    beside: arrivals(RATE, DURATION / 4 + 1, (DURATION * 3) / 4 - 1),
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    'http_req_duration{scenario:alone}': [`p(95)<${P95}`],
    'http_req_duration{scenario:beside}': [`p(95)<${P95}`],
  },
};

export default function () {
  const response = http.get(`${PROXY}/bytes/1000`);
  check(response, { 'the body is whole': ({ status, body }) => status === 200 && body.length === 1000 });
}
