// An upstream that takes too long for some requests: those get 504 in time, the others their answer.
import { check } from 'k6';
import http from 'k6/http';
import { P95, PROXY, arrivals, number, seconds } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

const READ = number('READ_MS', 15000); // as it is configured; this is the proxy's own default
const DURATION = seconds('DURATION', '15s');

export const options = {
  scenarios: {
    slow: arrivals(number('SLOW_RATE', 5), 0, DURATION, { exec: 'slow' }),
    quick: arrivals(number('RATE', 100), 0, DURATION, { exec: 'quick' }),
  },
  thresholds: {
    http_req_failed: ['rate==0'], // where a 504 is expected it is no failure, and anything else is
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    'http_reqs{scenario:slow}': ['count>0'],
    'http_req_duration{scenario:slow}': [`min>=${READ}`, `p(95)<${READ + P95}`],
    'http_req_duration{scenario:quick}': [`p(95)<${P95}`],
  },
};

export function slow() {
  const response = http.get(`${PROXY}/delay/${READ + 60000}`, { responseCallback: http.expectedStatuses(504) });
  check(response, {
    'an upstream that is silent for read_ms is a 504': ({ status }) => status === 504,
    'which says what it is': ({ headers }) => headers['X-Proxy-Error'] === 'read_timeout',
  });
}

export function quick() {
  const response = http.get(`${PROXY}/bytes/1000`);
  check(response, { 'the others have their answer': ({ status, body }) => status === 200 && body.length === 1000 });
}
