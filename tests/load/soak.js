// Everything that is ordinary, for as long as you like: does anything grow?
import { check } from 'k6';
import http from 'k6/http';
import { P95, PROXY, arrivals, number, seconds } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

const RATE = number('RATE', 100);
const DURATION = seconds('DURATION', '2m');

export const options = {
  scenarios: { soak: arrivals(RATE, 0, DURATION) },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    // In hours, k6 itself may have a bad moment.
    http_reqs: [`count>=${RATE * DURATION * 0.99}`],
    'http_req_duration{kind:quick}': [`p(95)<${P95}`],
  },
};

const quick = { tags: { kind: 'quick' } };
const text = 'hello world '.repeat(2000);

const KINDS = [
  () => is(200, http.get(`${PROXY}/`, quick)),
  () => is(200, http.get(`${PROXY}/bytes/1000`, quick), ({ body }) => body.length === 1000),
  () => is(200, http.get(`${PROXY}/bytes/500000`), ({ body }) => body.length === 500000),
  () => is(200, http.post(`${PROXY}/echo`, text, quick), ({ body }) => body === text),
  () => is(404, http.get(`${PROXY}/status/404`, { ...quick, responseCallback: http.expectedStatuses(404) })),
  () => is(200, http.get(`${PROXY}/delay/200`)),
  () => is(200, http.get(`${PROXY}/sse`), ({ body }) => body.includes('event 10')),
  // A connection of its own.
  () => is(200, http.get(`${PROXY}/`, { ...quick, headers: { Connection: 'close' } })),
];

export default function () {
  KINDS[Math.floor(Math.random() * KINDS.length)]();
}

function is(status, response, whole = () => true) {
  check(response, { 'each answer is whole': () => response.status === status && whole(response) });
}
