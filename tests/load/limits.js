// More clients than max_client_conns, more requests than max_conns_per_upstream: they wait, and nothing else.
import { check, sleep } from 'k6';
import http from 'k6/http';
import { Trend } from 'k6/metrics';
import { METRICS, PROXY, number, seconds } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

// As they are configured; these are the proxy's own defaults.
const CLIENTS = number('MAX_CLIENT_CONNS', 1000);
const CONNECTIONS = number('MAX_CONNS_PER_UPSTREAM', 100);
const DELAY = number('DELAY_MS', 200);
const DURATION = `${seconds('DURATION', '15s')}s`;

export const options = {
  scenarios: {
    clients: { executor: 'constant-vus', vus: number('VUS', CLIENTS * 1.5), duration: DURATION, gracefulStop: '35s' },
    watcher: { executor: 'constant-vus', exec: 'watch', vus: 1, duration: DURATION },
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
    'http_reqs{to:metrics}': ['count>10'],
    // Reached, and never exceeded.
    client_connections: [`max==${CLIENTS}`],
    upstream_connections: [`max==${CONNECTIONS}`],
    waiting_requests: ['max>0'],
    'http_req_duration{scenario:clients}': ['max<30000'], // total_ms: whoever waits gets there
  },
};

const clientConnections = new Trend('client_connections');
const upstreamConnections = new Trend('upstream_connections');
const waitingRequests = new Trend('waiting_requests');

export default function () {
  const response = http.get(`${PROXY}/delay/${DELAY}`);
  check(response, { 'the body is whole': ({ status, body }) => status === 200 && body === `after ${DELAY} ms\n` });
  sleep(Math.random() * 0.1);
}

export function watch() {
  const { body } = http.get(METRICS, { tags: { to: 'metrics' } });
  const page = String(body);
  clientConnections.add(Number(/^proxy_client_connections (\d+)/m.exec(page)[1]));
  const open = {};
  for (const [, upstream, count] of page.matchAll(/^proxy_upstream_connections\{upstream="([^"]*)".*\} (\d+)/gm)) {
    open[upstream] = (open[upstream] || 0) + Number(count);
  }
  for (const count of Object.values(open)) upstreamConnections.add(count);
  for (const [, count] of page.matchAll(/^proxy_upstream_waiting_requests\{.*\} (\d+)/gm)) waitingRequests.add(Number(count));
  sleep(0.1);
}
