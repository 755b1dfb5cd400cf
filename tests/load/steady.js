// The same rate throughout, small requests and small answers.
import { check } from 'k6';
import http from 'k6/http';
import { P95, PROXY, arrivals, number, seconds } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

const RATE = number('RATE', 300);
const DURATION = seconds('DURATION', '20s');

export const options = {
  scenarios: { steady: arrivals(RATE, 0, DURATION) },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'], // k6 itself kept up
    http_reqs: [`count>=${RATE * DURATION * 0.99}`],
    http_req_duration: [`p(95)<${P95}`],
  },
};

export default function () {
  const response = http.get(`${PROXY}/bytes/1000`);
  check(response, { 'the body is whole': ({ status, body }) => status === 200 && body.length === 1000 });
}
