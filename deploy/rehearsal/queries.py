"""Every query that the dashboard and the rules make, and the metrics that they may name."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/rules/proxy.yml"
RULE_TESTS = ROOT / "deploy/prometheus/tests/proxy.yml"
DASHBOARD = ROOT / "deploy/grafana/dashboards/proxy.json"
EXPOSITION = ROOT / "proxy-metrics/src/exposition.rs"

# What Grafana puts in place of its variables; the times suit scrapes each second.
SUBSTITUTES = {"$job": "proxy", "$instance": ".*", "$upstream": ".*", "$__rate_interval": "5s"}


def dashboard():
    return json.loads(DASHBOARD.read_text())


def panels(board):
    """The panels that show something: rows only part them."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board):
    """Each (where, expression) of panels and annotations, variables included."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield f"panel {panel['title']!r} {target['refId']}", target["expr"]
    for note in board["annotations"]["list"]:
        if "expr" in note:
            yield f"annotation {note['name']!r}", note["expr"]


def selectors(board):
    """Each (where, selector) that a variable takes its values from."""
    for variable in board["templating"]["list"]:
        match = re.fullmatch(r"label_values\((.*), \w+\)", variable.get("definition", ""))
        if match:
            yield f"variable {variable['name']!r}", match[1]


def substituted(expression):
    for name, value in SUBSTITUTES.items():
        expression = expression.replace(name, value)
    return expression


def metrics_exposed():
    """The names of all series that the proxy shows, from the one list of its families."""
    families = set(re.findall(r'"((?:proxy|process)_\w+)"', EXPOSITION.read_text()))
    histograms = {name for name in families if name.endswith("_duration_seconds")}
    return families | {name + end for name in histograms for end in ("_bucket", "_sum", "_count")}


def metrics_named(text):
    """The names of the proxy's metrics in PromQL, or in text around it."""
    return set(re.findall(r"(?<![:\w$])(?:proxy|process)_\w+", text))


def rules_named(text):
    """The names of recorded series in PromQL, or in text around it."""
    return set(re.findall(r"\bjob:\w+:\w+", text))
