// From nothing to a rate and back: does it follow, and does anything stay behind?
import { check } from 'k6';
import http from 'k6/http';
import { P95, PROXY, changing, number, seconds } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

const RATE = number('RATE', 600);
const THIRD = `${seconds('DURATION', '24s') / 3}s`;

export const options = {
  scenarios: {
    ramp: changing(RATE, [
      { duration: THIRD, target: RATE },
      { duration: THIRD, target: RATE },
      { duration: THIRD, target: 1 },
    ]),
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    http_req_duration: [`p(95)<${P95}`],
  },
};

export default function () {
  const response = http.get(`${PROXY}/bytes/1000`);
  check(response, { 'the body is whole': ({ status, body }) => status === 200 && body.length === 1000 });
}
