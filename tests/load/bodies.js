// Big uploads and downloads, several at once: all of it arrives, and none of it stays in memory.
import { check } from 'k6';
import crypto from 'k6/crypto';
import http from 'k6/http';
import { PROXY, number, seconds } from './lib/target.js';
export { handleSummary } from './lib/summary.js';

const MB = 1000 * 1000;
const UPLOAD = number('UPLOAD_MB', 16) * MB;
const DOWNLOAD = number('DOWNLOAD_MB', 100) * MB;
const constant = {
  executor: 'constant-vus',
  vus: number('VUS', 4),
  duration: `${seconds('DURATION', '15s')}s`,
  gracefulStop: '35s',
};

export const options = {
  scenarios: {
    uploads: { ...constant, exec: 'upload' },
    downloads: { ...constant, exec: 'download' },
  },
  thresholds: {
    http_req_failed: ['rate==0'], // a body that is cut short fails, too
    checks: ['rate==1'],
    'http_reqs{scenario:uploads}': ['count>0'],
    'http_reqs{scenario:downloads}': ['count>0'],
    data_received: [`rate>${number('MIN_MB_PER_SECOND', 20) * MB}`],
  },
};

let body;
let digest;

export function upload() {
  body = body || crypto.randomBytes(UPLOAD);
  digest = digest || crypto.md5(body, 'hex');
  const response = http.post(`${PROXY}/echo`, body, { responseType: 'binary' });
  check(response, {
    'an upload comes back as it was sent': () => response.status === 200 && crypto.md5(response.body, 'hex') === digest,
  });
}

export function download() {
  const response = http.get(`${PROXY}/bytes/${DOWNLOAD}`, { responseType: 'none' });
  check(response, {
    'a download has its length': ({ status, headers }) => status === 200 && headers['Content-Length'] === String(DOWNLOAD),
  });
}
