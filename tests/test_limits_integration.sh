#!/usr/bin/env bash
# The rotation and both limits on connections, by curl: tests/test_limits_integration.sh
# Each part says what to look for in the proxy's log, and shows it in the real one.
# shellcheck disable=SC2317 # called by names that are arguments
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/load/lib/stand.sh
. "$here/load/lib/stand.sh"
trap leave EXIT

per_upstream=2
clients=20

rotation() {
  part 'Three requests, one after the other: the upstreams take turns'
  for _ in 1 2 3; do curl --silent --show-error --output /dev/null "http://$proxy_address/turn"; done
  look_for 3 'Selected upstream .* for GET /turn '
  local turns
  turns=$(found | sed "s/.*Selected upstream //; s/^$one .*/1/; s/^$two .*/2/" | tr -d '\n')
  expect 'upstreams that had them, in this order' "$turns" == 121
}

upstream_limit() {
  local requests=12 millis=400 rounds=$((12 / (per_upstream * 2)))
  part "$requests requests at once, of $millis ms each: $per_upstream at a time to each upstream, the others wait"
  at_once "$requests" "/delay/$millis"
  look_for 1 "Waiting for a connection to .* (limit $per_upstream)"
  expect 'milliseconds in all' "$took" '>=' $((rounds * millis))
  expect 'connections to one upstream, at most' "$(peak proxy_upstream_connections)" == "$per_upstream"
  expect_rest
}

client_limit() {
  local requests=$((clients * 3))
  part "A burst of $requests clients: $clients are let in at a time, the others wait outside, and nobody is refused"
  at_once "$requests" /delay/100
  look_for "$requests" 'Finished GET /delay/100?[0-9]* 200 '
  expect 'clients let in, at most' "$(peak proxy_client_connections)" == "$clients"
  expect_rest
}

# part WHAT: only what is logged from here on counts.
part() {
  printf '\n%s\n' "$1"
  from=$(($(wc -l <"$dir/proxy.log") + 1))
}

# look_for COUNT PATTERN: in the log, which is written when there is time for it.
look_for() {
  pattern=$2
  echo "  Look for: $pattern"
  try_until 10 logged_since "$1" || true
  found | sed -n 's/^/    /; 1,3p'
  expect 'such lines' "$(found | wc -l)" '>=' "$1"
}

logged_since() { [ "$(found | wc -l)" -ge "$1" ]; }
found() { tail -n "+$from" "$dir/proxy.log" | grep "$pattern" || true; }

# at_once COUNT PATH: as many clients, a request each, all answered with 200; and the metrics meanwhile.
at_once() {
  local before watcher
  : >"$dir/pages"
  while curl --silent "$metrics_url" && echo end; do sleep 0.02; done >"$dir/pages" & watcher=$!
  started+=("$watcher")
  before=$EPOCHREALTIME
  curl --no-progress-meter --parallel --parallel-immediate --parallel-max "$1" \
    --output /dev/null --write-out '%{http_code}\n' "http://$proxy_address$2?[1-$1]" >"$dir/answers" || true
  took=$(((${EPOCHREALTIME/./} - ${before/./}) / 1000))
  kill "$watcher"
  expect 'answered with 200' "$(grep -c '^200$' "$dir/answers")" == "$1"
}

# peak NAME: the most that a metric was at any time, for any one upstream, whatever its connections did.
peak() {
  awk -v name="$1" '
    $1 == "end" { delete now }
    { split($1, part, "{") }
    part[1] == name {
      match($1, /upstream="[^"]*"/)
      now[substr($1, RSTART, RLENGTH)] += $2
      if (now[substr($1, RSTART, RLENGTH)] > most) most = now[substr($1, RSTART, RLENGTH)]
    }
    END { print most + 0 }' "$dir/pages"
}

main() {
  build
  start_upstream 1
  start_upstream 2
  configure "limits: { max_conns_per_upstream: $per_upstream, max_client_conns: $clients }"
  start_proxy
  one=127.0.0.1:${upstream_port[1]} two=127.0.0.1:${upstream_port[2]}
  echo "The proxy at $proxy_address has the upstreams $one and $two, max_conns_per_upstream: $per_upstream," \
    "max_client_conns: $clients."
  rotation
  upstream_limit
  client_limit
  stop_proxy
  exit "$failed"
}

main
