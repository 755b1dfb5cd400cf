"""Runs every query of the dashboard and the rules against a Prometheus that scrapes a proxy.

Scene by scene, something goes wrong; meanwhile each query is asked until it has given data once.
An alert's expression gives data only when its condition is true, so that each of them has to be
provoked; while all is well, none may give any. And each metric has to move.
"""

import resource
import signal
import time

from . import queries
from .clients import Load, fickle, full, mute, sent
from .stage import Stage, wait_for

# Two do not change while the process lives or the name means the same; the others are histograms,
# which have parts.
CONSTANT = {
    "proxy_build_info",
    "proxy_resolve_addresses",
    "proxy_request_duration_seconds",
    "proxy_upstream_request_duration_seconds",
}
LIMITS = {"max_client_conns": 40, "max_conns_per_upstream": 6}
LARGE = b"GET /bytes/50000000 HTTP/1.1\r\nHost: proxy\r\n\r\n"
TIMEOUTS = {"connect_ms": 100, "read_ms": 1500, "write_ms": 400, "total_ms": 2000}


def run(binaries):
    began = time.monotonic()
    with Stage(binaries) as stage:
        stage.configure(stage.echo_ports, limits=LIMITS)
        stage.start_echo(0)
        stage.start_echo(1)
        stage.start_proxy()
        stage.start_prometheus()
        questions = Questions(stage)
        for scene in (
            all_is_well,
            upstreams_fail,
            clients_crowd,
            nobody_reads_the_log,
            it_restarts,
            it_is_gone,
        ):
            scene(stage, questions)
            print(f"{scene.__name__}: {questions.count()} of {questions.total} without data yet")
        missing = questions.missing()
    for line in missing:
        print(f"no data: {line}")
    if not missing:
        print(f"all {questions.total} queries gave data, in {time.monotonic() - began:.0f} s")
    return 1 if missing else 0


class Questions:
    """What is to give data once."""

    def __init__(self, stage):
        self.stage = stage
        board = queries.dashboard()
        self.alerts, recorded = {}, {}
        rules = [rule for group in stage.ask("rules")["groups"] for rule in group["rules"]]
        for rule in rules:
            of = self.alerts if rule["type"] == "alerting" else recorded
            severity = rule.get("labels", {}).get("severity", "")
            of[f"{rule['type']} rule {rule['name']} {severity}".strip()] = rule["query"]
        self.expressions = {
            where: queries.substituted(text) for where, text in queries.expressions(board)
        }
        self.expressions |= recorded | self.alerts
        self.expressions |= {
            f"metric {name}, moving": f"changes({name}[5m]) > 0"
            for name in queries.metrics_exposed() - CONSTANT
        }
        self.selectors = {
            where: queries.substituted(text) for where, text in queries.selectors(board)
        }
        self.total = len(self.expressions) + len(self.selectors)

    def count(self):
        """How many have given none yet, asked now."""
        for where, text in list(self.expressions.items()):
            if self.stage.values(text):
                del self.expressions[where]
        for where, text in list(self.selectors.items()):
            if self.stage.ask("series", **{"match[]": text}):
                del self.selectors[where]
        return len(self.expressions) + len(self.selectors)

    def missing(self):
        return [f"{where}: {text}" for where, text in (self.expressions | self.selectors).items()]

    def until_alerts(self, *names):
        """Asks on until the conditions of these alerts have been true."""
        for name in names:
            awaited = {where for where in self.alerts if where.split()[2] == name}

            def came_true(awaited=awaited):
                self.count()
                return not awaited & self.expressions.keys()

            wait_for(came_true, f"the condition of {name}")


def all_is_well(stage, questions):
    """Traffic, and no alert."""
    with Load(stage.port, 4), Load(stage.port, 1, "/echo", b"x" * 10_000):
        wait_for(lambda: stage.values("rate(proxy_upstream_requests_total[5s]) > 1"), "traffic")
        for _ in range(4):
            questions.count()
            time.sleep(1)
    for where, text in questions.alerts.items():
        if where not in questions.expressions or stage.values(text):
            raise SystemExit(f"{where} is true while all is well: {text}")


def upstreams_fail(stage, questions):
    """One dies, others misbehave; a reload adds them, and another one fails."""
    with mute() as silent, full() as unreachable, fickle() as closing:
        stage.stop("echo 1")
        more = {name: limit + 1 for name, limit in LIMITS.items()}
        names = [
            {"host": "localhost", "port": stage.echo_ports[0], "resolve": {"interval_ms": 200}},
            {"host": "nowhere.invalid", "port": 80},
        ]
        upstreams = [*stage.echo_ports, silent, unreachable, closing, *names]
        stage.configure(upstreams, limits=more, timeouts=TIMEOUTS)
        stage.hang_up()
        with (
            sent(stage.port, b"nonsense\r\n\r\n"),
            Load(stage.port, 12),
            Load(stage.port, 2, "/echo", b"x" * 8_000_000),
            Load(stage.port, 2, "/sse"),
        ):
            questions.until_alerts(
                "ProxyUpstreamDown",
                "ProxyUpstreamErrors",
                "ProxyHighErrorRatio",
                "ProxyTimeouts",
                "ProxyNameNotResolving",
            )
    stage.config.write_text("listen: [")
    stage.hang_up()
    questions.until_alerts("ProxyConfigReloadFailed")
    stage.start_echo(1)
    stage.configure(stage.echo_ports, limits=LIMITS)
    stage.hang_up()
    wait_for(lambda: stage.metric("proxy_config_last_reload_successful") == 1, "a reload")


def clients_crowd(stage, questions):
    """More clients than there are places, most of them slow to read, and few descriptors."""
    with sent(stage.port, LARGE, 60):
        wait_for(lambda: stage.metric("proxy_waiting_clients"), "a crowd")
        used = int(stage.metric("process_open_fds"))
        resource.prlimit(stage.processes["proxy"].pid, resource.RLIMIT_NOFILE, (used + 5, used + 5))
        questions.until_alerts(
            "ProxyRequestsQueueing",
            "ProxyClientsWaiting",
            "ProxyClientPlacesNearLimit",
            "ProxyFileDescriptorsNearLimit",
        )
        # What has not ended yet has no duration.
        time.sleep(5)
    questions.until_alerts("ProxyHighLatency")


def nobody_reads_the_log(stage, questions):
    """Lines with long targets, until no room is left for them."""
    stage.reads_log.clear()
    with Load(stage.port, 4, "/" + "x" * 12_000):
        questions.until_alerts("ProxyLogLinesDropped")
    stage.reads_log.set()


def it_restarts(stage, questions):
    """Killed and started again, more often than is a deployment."""
    for _ in range(3):
        former = stage.values("process_start_time_seconds")
        stage.stop("proxy", signal.SIGKILL)
        stage.start_proxy()
        wait_for(
            lambda former=former: stage.values("process_start_time_seconds") not in (former, []),
            "a scrape of the new process",
        )
    questions.until_alerts("ProxyRestarting")


def it_is_gone(stage, questions):
    """Drained, stopped, then not even known any more."""
    with sent(stage.port, LARGE):
        wait_for(lambda: stage.metric("proxy_client_connections"), "a client")
        stage.processes["proxy"].send_signal(signal.SIGTERM)
        wait_for(lambda: stage.values("proxy_draining == 1"), "the drain")
    stage.stop("proxy")
    questions.until_alerts("ProxyDown")
    stage.announce(known=False)
    questions.until_alerts("ProxyAbsent")
