// SIGHUP after SIGHUP, each with another configuration: no request notices.
import { check } from 'k6';
import http from 'k6/http';
import { P95, PROXY, arrivals, number, seconds } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

const RATE = number('RATE', 200);
const DURATION = seconds('DURATION', '15s');

export const options = {
  scenarios: {
    quick: arrivals(RATE, 0, DURATION, { exec: 'quick' }),
    // In flight while the configuration changes, once or more.
    long: arrivals(Math.ceil(RATE / 20), 0, DURATION, { exec: 'long' }),
    bodies: arrivals(Math.ceil(RATE / 10), 0, DURATION, { exec: 'bodies' }),
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    'http_req_duration{scenario:quick}': [`p(95)<${P95}`],
  },
};

const text = 'hello world '.repeat(10000);

export function quick() {
  answered(http.get(`${PROXY}/bytes/1000`), (body) => body.length === 1000);
}

export function long() {
  answered(http.get(`${PROXY}/delay/700`), (body) => body === 'after 700 ms\n');
}

export function bodies() {
  answered(http.post(`${PROXY}/echo`, text), (body) => body === text);
}

function answered(response, whole) {
  check(response, { 'each answer is whole': () => response.status === 200 && whole(response.body) });
}
