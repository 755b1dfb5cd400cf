// For a moment, more than the upstreams can do: it waits its turn, and then all is as before.
import { check } from 'k6';
import http from 'k6/http';
import { P95, PROXY, arrivals, number, seconds } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

// An upstream takes DELAY for each request, so that its max_conns_per_upstream connections bound what it can do.
const DELAY = number('DELAY_MS', 50);
const RATE = number('RATE', 50);
const SPIKE = number('SPIKE_RATE', 400);
const PHASE = seconds('DURATION', '24s') / 6;

export const options = {
  scenarios: {
    before: arrivals(RATE, 0, PHASE),
    // All of them may be waiting at once.
    spike: arrivals(SPIKE, PHASE, PHASE / 2, { preAllocatedVUs: (SPIKE * PHASE) / 2 }),
    // What has gathered needs its time.
    after: arrivals(RATE, PHASE * 4, PHASE * 2),
  },
  thresholds: {
    http_req_failed: ['rate==0'], // nothing is refused for coming at a bad moment
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    'http_req_duration{scenario:before}': [`p(95)<${DELAY + P95}`],
    'http_req_duration{scenario:spike}': ['max<30000'], // total_ms
    'http_req_duration{scenario:after}': [`p(95)<${DELAY + P95}`],
  },
};

export default function () {
  const response = http.get(`${PROXY}/delay/${DELAY}`);
  check(response, { 'the body is whole': ({ status, body }) => status === 200 && body === `after ${DELAY} ms\n` });
}
