// Where the proxy is, and how much is asked of it: all from the environment.

/** The proxy, without a slash at the end. */
export const PROXY = (__ENV.BASE_URL || 'http://127.0.0.1:8080').replace(/\/$/, '');

/** Its metrics page. */
export const METRICS = (__ENV.METRICS_URL || 'http://127.0.0.1:8081').replace(/(\/metrics)?\/?$/, '/metrics');

/** Milliseconds that 95 of 100 requests may take. It says something about the machine, too. */
export const P95 = number('P95_MS', 200);

/** The number that the environment has under this name. */
export function number(name, byDefault) {
  const value = Number(__ENV[name] || byDefault);
  if (!(value >= 0)) throw new Error(`${name} must be a number, not ${__ENV[name]}`);
  return value;
}

/** The duration that the environment has under this name, in seconds: 90, 90s, 2m and 1h are such. */
export function seconds(name, byDefault) {
  const parts = /^(\d+)([smh]?)$/.exec(__ENV[name] || byDefault);
  if (!parts) throw new Error(`${name} must be a duration such as 90s, not ${__ENV[name]}`);
  return Number(parts[1]) * { '': 1, s: 1, m: 60, h: 3600 }[parts[2]];
}

/** A scenario of so many requests a second, whether or not earlier ones were answered. */
export function arrivals(rate, from, duration, more) {
  return {
    executor: 'constant-arrival-rate',
    rate,
    startTime: `${from}s`,
    duration: `${duration}s`,
    ...clients(rate),
    ...more,
  };
}

/** A scenario whose requests a second go from one target to the next, of which `most` is the highest. */
export function changing(most, stages) {
  return { executor: 'ramping-arrival-rate', startRate: 1, stages, ...clients(most) };
}

// A client whose answer is late cannot make the next request. As many clients as there are requests in a second can
// all be a second late, and some more than a second where there are few; beyond that, k6 gives requests up, and counts
// them in dropped_iterations.
function clients(rate) {
  return {
    preAllocatedVUs: number('VUS', Math.max(rate, 100)),
    gracefulStop: '35s', // above total_ms: it is the proxy that ends a request, not k6
  };
}

/** A scenario in which k6 says, so many seconds from the start, that something is to be done from outside. */
export function cue(from, what) {
  return { executor: 'shared-iterations', exec: 'say', startTime: `${from}s`, env: { CUE: what } };
}

/** What runs in it; a script with a cue exports it. */
export function say() {
  console.log(`now: ${__ENV.CUE}`);
}
