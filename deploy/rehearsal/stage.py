"""A proxy, its upstreams and Prometheus, on free ports of 127.0.0.1."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

from . import queries


class Stage:
    """Starts everything and, as a context, ends it again."""

    def __init__(self, binaries, scrape_interval="1s"):
        self.proxy_binary = binaries / "proxy-tokio"
        self.echo_binary = next(
            (binaries / name for name in ("proxy-echo", "echo") if (binaries / name).exists()), None
        )
        if not self.proxy_binary.exists() or self.echo_binary is None:
            raise SystemExit(
                f"no proxy-tokio and echo in {binaries}: cargo build --release, or --bin DIR"
            )
        self.scrape_interval = scrape_interval
        self.directory = Path(tempfile.mkdtemp(prefix="rehearsal-"))
        self.port, self.metrics_port, self.prometheus_port, *self.echo_ports = free_ports(5)
        self.processes = {}
        self.reads_log = threading.Event()
        self.reads_log.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reads_log.set()
        for name in list(self.processes):
            self.stop(name, signal.SIGKILL)
        subprocess.run(["rm", "-rf", self.directory], check=True)

    # The proxy.

    def configure(self, upstreams, **sections):
        """Writes the proxy's configuration: JSON is YAML. An upstream is a port, or an entry."""
        config = {
            "listen": f"127.0.0.1:{self.port}",
            "metrics_listen": f"127.0.0.1:{self.metrics_port}",
            "workers": 1,
            "upstreams": [
                one if isinstance(one, dict) else {"host": "127.0.0.1", "port": one}
                for one in upstreams
            ],
            **sections,
        }
        self.config.write_text(json.dumps(config, indent=2))

    @property
    def config(self):
        return self.directory / "proxy.yaml"

    def start_proxy(self):
        process = self.start("proxy", [self.proxy_binary, self.config], stdout=subprocess.PIPE)
        threading.Thread(target=self.drink, args=(process.stdout,), daemon=True).start()
        wait_for(lambda: self.metric("proxy_draining") == 0, "the proxy")

    def drink(self, log):
        """Takes the proxy's log lines, except while `reads_log` is cleared."""
        while self.reads_log.wait() and os.read(log.fileno(), 1 << 16):
            pass

    def hang_up(self):
        self.processes["proxy"].send_signal(signal.SIGHUP)

    def metric(self, name):
        """A series' value on the proxy's own page, or None."""
        page = get(f"http://127.0.0.1:{self.metrics_port}/metrics")
        for line in (page or b"").decode().splitlines():
            series, _, value = line.rpartition(" ")
            if series == name:
                return float(value)
        return None

    # Upstreams.

    def start_echo(self, number):
        port = self.echo_ports[number]
        self.start(
            f"echo {number}", [self.echo_binary, f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL
        )
        wait_for(lambda: get(f"http://127.0.0.1:{port}/") is not None, "an upstream")

    # Prometheus.

    def start_prometheus(self):
        targets, config = self.directory / "targets.json", self.directory / "prometheus.json"
        self.announce()
        config.write_text(
            json.dumps(
                {
                    "global": {
                        "scrape_interval": self.scrape_interval,
                        "evaluation_interval": self.scrape_interval,
                    },
                    "rule_files": [str(queries.RULES)],
                    "scrape_configs": [
                        {"job_name": "proxy", "file_sd_configs": [{"files": [str(targets)]}]}
                    ],
                }
            )
        )
        self.start(
            "prometheus",
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={self.directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.prometheus_port}",
                "--log.level=warn",
            ],
            stdout=subprocess.DEVNULL,
        )
        wait_for(
            lambda: get(f"http://127.0.0.1:{self.prometheus_port}/-/ready") is not None,
            "Prometheus",
        )
        wait_for(lambda: self.values('up{job="proxy"} == 1'), "the first scrape")

    def announce(self, known=True):
        """Tells Prometheus of the proxy, or that there is none."""
        targets = [{"targets": [f"127.0.0.1:{self.metrics_port}"]}] if known else []
        new = self.directory / "targets.new"
        new.write_text(json.dumps(targets))
        new.rename(self.directory / "targets.json")

    def ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        answer = get(
            f"http://127.0.0.1:{self.prometheus_port}/api/v1/{path}?{query}", tolerant=False
        )
        return json.loads(answer)["data"]

    def values(self, expression):
        """What an expression gives now, without what is not a number."""
        result = self.ask("query", query=expression)["result"]
        return [float(series["value"][1]) for series in result if series["value"][1] != "NaN"]

    # Processes.

    def start(self, name, command, **options):
        self.processes[name] = subprocess.Popen([str(part) for part in command], **options)
        return self.processes[name]

    def stop(self, name, by=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(by)
        process.wait()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [free.getsockname()[1] for free in sockets]
    for free in sockets:
        free.close()
    return ports


def get(url, tolerant=True):
    """The body of what is there; None where nobody answers, and that is tolerated."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.read()
    except OSError as error:
        if tolerant:
            return None
        raise SystemExit(f"{urllib.parse.unquote_plus(url)}: {error}") from error


def wait_for(condition, what, patience=30):
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not there after {patience} s")
        time.sleep(0.1)
