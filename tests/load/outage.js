// One of two upstreams is killed, and comes back: every other request gets 502 at once, and then none.
import { check } from 'k6';
import http from 'k6/http';
import { Rate } from 'k6/metrics';
import { P95, PROXY, arrivals, cue, number, seconds } from './lib/target.js';
export { say } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

const RATE = number('RATE', 100);
const PHASE = seconds('DURATION', '24s') / 6;

export const options = {
  scenarios: {
    before: arrivals(RATE, 0, PHASE),
    // Between the phases it is up to whoever heeds the cue when exactly the upstream goes.
    cue_to_stop: cue(PHASE, 'stop one upstream'),
    going: arrivals(RATE, PHASE, PHASE, { exec: 'transition' }),
    down: arrivals(RATE, PHASE * 2, PHASE, { exec: 'down' }),
    cue_to_start: cue(PHASE * 3, 'start it again'),
    coming: arrivals(RATE, PHASE * 3, PHASE, { exec: 'transition' }),
    after: arrivals(RATE, PHASE * 4, PHASE * 2),
  },
  thresholds: {
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    'http_req_failed{scenario:before}': ['rate==0'],
    'http_req_failed{scenario:down}': ['rate==0'], // 502 counts as expected in this phase
    'http_req_failed{scenario:after}': ['rate==0'],
    refused: ['rate>0.49', 'rate<0.51'], // while one of two is down, its turns and no others
    'http_req_duration{scenario:down}': [`p(95)<${P95}`], // neither kind waits
  },
};

const refused = new Rate('refused');
const either = { responseCallback: http.expectedStatuses(200, 502) };

export default function () {
  answered(http.get(`${PROXY}/bytes/1000`));
}

export function down() {
  const response = http.get(`${PROXY}/bytes/1000`, either);
  refused.add(response.status === 502);
  if (response.status !== 502) return answered(response);
  check(response, {
    'a 502 says whose it is': ({ headers, body }) =>
      headers['X-Proxy-Error'] === 'connect_refused' && body.startsWith('Upstream unavailable: connection refused ('),
  });
}

export function transition() {
  const response = http.get(`${PROXY}/bytes/1000`, either);
  if (response.status !== 502) return answered(response);
  // What was in flight to it was reset or cut short; what follows is refused.
  check(response, {
    'an upstream that goes costs 502': ({ headers }) => /^(connect_refused|upstream_(reset|eof))$/.test(headers['X-Proxy-Error']),
  });
}

function answered(response) {
  check(response, { 'the body is whole': ({ status, body }) => status === 200 && body.length === 1000 });
}
