# shellcheck shell=bash disable=SC2034
# Sourced. A proxy in front of two echo upstreams, all on free ports of 127.0.0.1, and what can be asked of it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
dir=$(mktemp -d) # configuration, logs
failed=0
started=() # process ids
upstream_pid=() upstream_port=()

# build: finds the executables, PROXY and ECHO, and builds those that the environment does not name.
build() {
  local target=${CARGO_TARGET_DIR:-$root/target}/release name=${PROXY_BIN:-proxy-tokio}
  # Each by itself, with the features that it has by itself.
  [ -n "${PROXY:-}" ] || { (cd "$root" && cargo build --quiet --release -p "$name"); PROXY=$target/$name; }
  [ -n "${ECHO:-}" ] || { (cd "$root" && cargo build --quiet --release -p echo); ECHO=$target/echo; }
}

# start_upstream N: number N, on the port it had before, if it had one.
start_upstream() {
  local log=$dir/upstream$1.log
  : >"$log"
  "$ECHO" "127.0.0.1:${upstream_port[$1]:-0}" >>"$log" 2>&1 &
  upstream_pid[$1]=$!
  started+=($!)
  wait_until 10 'an upstream listens' grep -q '^Listening on ' "$log"
  upstream_port[$1]=$(sed -n 's/^Listening on .*://p' "$log")
}

# kill_upstream N: at once, with whatever it was doing.
kill_upstream() {
  kill -KILL "${upstream_pid[$1]}"
  wait "${upstream_pid[$1]}" 2>/dev/null || true
}

# configure [YAML]: the proxy's configuration file, with these keys after the addresses.
configure() {
  cat >"$dir/new.yaml" <<END
listen: "127.0.0.1:0"
metrics_listen: "127.0.0.1:0"
upstreams:
  - { host: "127.0.0.1", port: ${upstream_port[1]} }
  - { host: "127.0.0.1", port: ${upstream_port[2]} }
${1:-}
END
  mv "$dir/new.yaml" "$dir/config.yaml"
}

# start_proxy: as it is configured.
start_proxy() {
  : >"$dir/proxy.log"
  "$PROXY" "$dir/config.yaml" >>"$dir/proxy.log" 2>&1 &
  proxy_pid=$!
  started+=($!)
  wait_until 10 'the proxy listens' grep -q ' - Listening on ' "$dir/proxy.log"
  local address='s/.* - \(Listening\|Metrics\) on \(.*\)/\2/p'
  proxy_address=$(sed -n "/Listening on/$address" "$dir/proxy.log")
  metrics_url=http://$(sed -n "/Metrics on/$address" "$dir/proxy.log")/metrics
}

# stop_proxy: it has to finish by itself, and well.
stop_proxy() {
  local status=0
  kill -TERM "$proxy_pid"
  wait "$proxy_pid" || status=$?
  expect 'exit code after SIGTERM' "$status" == 0
}

# metric NAME [LABELS]: its value now, the sum of those with such labels.
metric() {
  curl --silent --show-error --max-time 5 "$metrics_url" | awk -v name="$1" -v labels="${2:-}" '
    { split($1, part, "{") }
    part[1] == name && (labels == "" || index($1, labels)) { sum += $2 }
    END { printf "%.0f\n", sum }'
}

# is NAME LABELS OPERATOR NUMBER: what the metric is to be, for wait_until.
is() { holds "$(metric "$1" "$2")" "$3" "$4"; }

# holds NUMBER OPERATOR NUMBER
holds() {
  case $2 in
    '==') [ "$1" -eq "$3" ] ;;
    '<=') [ "$1" -le "$3" ] ;;
    '>=') [ "$1" -ge "$3" ] ;;
    '<') [ "$1" -lt "$3" ] ;;
    '>') [ "$1" -gt "$3" ] ;;
  esac
}

# expect WHAT SEEN OPERATOR NUMBER: a line of the table; what is not so fails the run.
expect() {
  local verdict=ok
  holds "$2" "$3" "$4" || { verdict=FAILED; failed=1; }
  show "$1 $3 $4" "$2" "$verdict"
}

# show WHAT SEEN [VERDICT]
show() { printf '  %-60s %16s  %s\n' "$1" "$2" "${3:-}"; }

# expect_rest: nobody is served or waited for any more, so nothing may be held.
expect_rest() {
  local left
  # An upstream connection is kept for upstream_idle_ms, 4000 by default.
  for left in proxy_client_connections proxy_upstream_connections proxy_upstream_waiting_requests; do
    try_until 10 is "$left" '' == 0 || true
    expect "$left left" "$(metric "$left")" == 0
  done
}

# try_until SECONDS COMMAND...: until it succeeds, or so long has passed.
try_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.05
  done
}

# wait_until SECONDS WHAT COMMAND...: the run makes no sense without.
wait_until() {
  local patience=$1 what=$2
  shift 2
  try_until "$patience" "$@" || { echo "not so within $patience s: $what" >&2; failed=1; exit 1; }
}

# leave: ends what was started here, and keeps the logs of a failure. Use: trap leave EXIT
leave() {
  local status=$?
  disown -a # bash would report each
  kill -KILL "${started[@]}" 2>/dev/null || true
  if ((status || failed)); then
    echo "The logs are in $dir" >&2
    exit $((status ? status : 1))
  fi
  rm -rf "$dir"
}
