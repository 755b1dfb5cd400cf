// One client asks once for each kind of thing: does it work at all?
import { check } from 'k6';
import http from 'k6/http';
import { PROXY, METRICS } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

const ROUNDS = 20;

export const options = {
  vus: 1,
  iterations: ROUNDS,
  thresholds: {
    checks: ['rate==1'], // each is a promise
    http_req_failed: ['rate==0'],
    http_reqs: [`count==${ROUNDS * 7}`], // no round was left unfinished
    'http_reqs{to:metrics}': [`count==${ROUNDS}`],
    http_req_duration: ['max<2000'], // nothing waits for a timeout
  },
};

let former;

export default function () {
  const traces = new Set();
  const seen = [];
  const ask = (method, path, body, more = {}) => {
    const response = http.request(method, `${PROXY}${path}`, body, { tags: { name: path }, ...more });
    traces.add(response.headers['X-Trace-Id']);
    seen.push(response.headers['X-Upstream']);
    return response;
  };

  const described = ask('GET', '/a?b=c');
  const text = 'hello world '.repeat(1000);
  const echoed = ask('POST', '/echo', text, { headers: { 'Content-Type': 'text/plain' } });
  const bytes = ask('GET', '/bytes/300000');
  const head = ask('HEAD', '/bytes/300000');
  const missing = ask('GET', '/status/404', null, { responseCallback: http.expectedStatuses(404) });
  const empty = ask('GET', '/status/204');

  check(null, {
    'the upstream gets the request line': () => described.status === 200 && String(described.body).startsWith('GET /a?b=c\n'),
    'the upstream gets the trace id': () => String(described.body).includes(`x-trace-id: ${described.headers['X-Trace-Id']}\n`),
    'the upstream gets the client': () => /^x-forwarded-for: .+$/m.test(described.body),
    'a body comes back as it was sent': () => echoed.status === 200 && echoed.body === text,
    'a length holds': () => bytes.status === 200 && bytes.body.length === 300000,
    'HEAD has a length and no body': () => head.status === 200 && head.headers['Content-Length'] === '300000' && !head.body,
    "the upstream's 404 is its own": () => missing.status === 404 && !missing.headers['X-Proxy-Error'],
    '204 has no body': () => empty.status === 204 && !empty.body,
    'each request has a trace id of its own': () => traces.size === 6 && !traces.has(undefined),
    'the upstreams take turns': () => {
      const turns = former === undefined ? seen : [former, ...seen];
      return turns.every((upstream, at) => upstream && (at === 0 || upstream !== turns[at - 1]));
    },
  });
  former = seen[seen.length - 1];

  const metrics = http.get(METRICS, { tags: { to: 'metrics', name: 'metrics' } });
  check(metrics, {
    'the metrics are those of Prometheus': (page) => String(page.headers['Content-Type']).startsWith('text/plain; version=0.0.4'),
    'the metrics count requests': (page) => /^proxy_requests_total [1-9]/m.test(page.body),
  });
}
