"""Checks one rendered overlay: check.py NAME FILE [PROXY]

Each document against the schema of its kind, and what documents say of each other, which no schema
knows: selectors, ports, names, times.
"""

import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml

# The oldest that has all of this as stable, and the newest that is known.
VERSIONS = ["1.31", kubernetes_validate.latest_version()]
WORKLOADS = ["Deployment"]
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


class Overlay:
    def __init__(self, documents, proxy):
        self.documents = documents
        self.proxy = proxy
        self.problems = []

    def check(self):
        names = [(d["kind"], d["metadata"]["name"]) for d in self.documents]
        for name in set(names):
            self.expect(names.count(name) == 1, f"{name} is there more than once")
        namespaces = {d["metadata"].get("namespace") for d in self.documents if d["kind"] != "Namespace"}
        self.expect(len(namespaces) == 1, f"several namespaces: {namespaces}")
        for document in self.documents:
            self.validate(document)
            self.at = f"{document['kind']} {document['metadata']['name']}"
            check = getattr(self, document["kind"].lower(), None)
            if check:
                check(document["spec"])

    def expect(self, holds, problem):
        if not holds:
            self.problems.append(problem)

    def that(self, holds, problem):
        self.expect(holds, f"{self.at}: {problem}")

    def validate(self, document):
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.SchemaNotFoundError as error:
                self.problems.append(error.message)
            except kubernetes_validate.ValidationError as error:
                self.problems.append(f"{document['kind']} in {version}: {error.json_path}: {error.message}")

    def of(self, *kinds):
        return [d for d in self.documents if d["kind"] in kinds]

    def named(self, kind, name):
        return next((d for d in self.of(kind) if d["metadata"]["name"] == name), None)

    def pods(self, selector):
        """The pod templates that the labels select; none is a problem."""
        templates = [d["spec"]["template"] for d in self.of(*WORKLOADS)]
        found = [t for t in templates if selector.items() <= t["metadata"]["labels"].items()]
        self.that(selector and found, f"{selector} selects no pods")
        return found

    def port(self, pods, port, name):
        """`port`, by name or number, is one of the pods' named ports."""
        for pod in pods:
            known = ports(pod)
            self.that(port in known or port in known.values(), f"{name} {port} is none of {known}")

    def deployment(self, spec):
        template = spec["template"]
        self.that(template in self.pods(spec["selector"]["matchLabels"]), "does not select its own pods")
        pod = template["spec"]
        for constraint in pod.get("topologySpreadConstraints", []):
            self.that(template in self.pods(constraint["labelSelector"]["matchLabels"]), "spreads other pods")
        self.that(pod["securityContext"]["runAsNonRoot"], "may run as root")
        self.that(pod["securityContext"]["runAsUser"] > 0, "runs as root")
        self.that(pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, "has no seccomp profile")
        scraped = template["metadata"].get("annotations", {}).get("prometheus.io/port")
        if scraped:
            self.port([template], int(scraped), "scraped port")
        volumes = {v["name"]: v for v in pod.get("volumes", [])}
        for container in pod["containers"]:
            name = container["name"]
            self.that(container["securityContext"] == RESTRICTED, f"{name} is not restricted")
            self.that({"cpu", "memory"} <= container["resources"]["requests"].keys(), f"{name} requests too little")
            self.that("memory" in container["resources"]["limits"], f"{name} has no limit on memory")
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"]:
                if probe in container:
                    own = {"spec": {"containers": [container]}}
                    self.port([own], container[probe]["httpGet"]["port"], probe)
            for mount in container.get("volumeMounts", []):
                self.that(mount["name"] in volumes, f"{mount['name']} is no volume")
                self.that("subPath" not in mount, f"{mount['name']} would not be updated")
            if "/reload/reload.sh" in container["command"]:
                self.reload(container["command"], pod)
        for volume in volumes.values():
            if "configMap" not in volume:
                continue
            source = self.named("ConfigMap", volume["configMap"]["name"])
            self.that(source, f"there is no {volume['configMap']['name']}")
            if source and "config.yaml" in source["data"]:
                self.configuration(source["data"]["config.yaml"], template)

    def reload(self, command, pod):
        """The reloading script looks for the process that the proxy's container runs, and can see it."""
        directory, process = command[-2:]
        proxy = next(c for c in pod["containers"] if c["name"] == "proxy")
        self.that(proxy["command"][0] == process, f"{process} is not what is to be reloaded")
        self.that(proxy["command"][-1] == f"{directory}/config.yaml", f"{directory} is not what is to be watched")
        self.that(pod.get("shareProcessNamespace"), "the proxy cannot be seen")

    def configuration(self, text, template):
        """The proxy's configuration, and the pods that use it."""
        if self.proxy:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(text)
                file.flush()
                tested = subprocess.run([self.proxy, "-t", file.name], capture_output=True, text=True)
                self.that(tested.returncode == 0, f"the proxy does not take it:\n{tested.stderr}")
        config = yaml.safe_load(text)
        for key, name in [("listen", "http"), ("metrics_listen", "metrics")]:
            host, port = config[key].rsplit(":", 1)
            self.that(host in ["0.0.0.0", "[::]"], f"{key} cannot be reached from outside the pod")
            self.that(ports(template).get(name) == int(port), f"{key} is not the port {name}")
        drain = sum(config["shutdown"].values()) / 1000
        grace = template["spec"]["terminationGracePeriodSeconds"]
        self.that(grace > drain, f"a drain of {drain} s is cut after {grace} s")
        for upstream in config["upstreams"]:
            service = self.named("Service", upstream["host"])
            self.that(service, f"there is no Service {upstream['host']}")
            if service:
                headless = service["spec"].get("clusterIP") == "None"
                self.that(headless == ("resolve" in upstream), f"{upstream['host']}: resolve is for headless Services")
                if headless:
                    # Such a Service maps no port: what is reached is the pod's own.
                    self.port(self.pods(service["spec"]["selector"]), upstream["port"], "the upstream's port")
                else:
                    mapped = [port["port"] for port in service["spec"]["ports"]]
                    self.that(upstream["port"] in mapped, f"{upstream['host']} has no port {upstream['port']}")

    def service(self, spec):
        pods = self.pods(spec["selector"])
        for port in spec["ports"]:
            self.port(pods, port["targetPort"], "targetPort")

    def poddisruptionbudget(self, spec):
        self.pods(spec["selector"]["matchLabels"])

    def networkpolicy(self, spec):
        pods = self.pods(spec["podSelector"]["matchLabels"])
        for rule in spec["ingress"]:
            for port in rule["ports"]:
                self.port(pods, port["port"], "port")

    def horizontalpodautoscaler(self, spec):
        target = self.named(spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"])
        self.that(target, "scales nothing")
        if not target:
            return
        self.that("replicas" not in target["spec"], "each apply would undo its number of replicas")
        containers = {c["name"]: c for c in target["spec"]["template"]["spec"]["containers"]}
        for metric in spec["metrics"]:
            name = metric["containerResource"]["container"]
            self.that(name in containers, f"there is no container {name}")


def ports(pod):
    """The containers' ports, by name."""
    return {p["name"]: p["containerPort"] for c in pod["spec"]["containers"] for p in c.get("ports", [])}


def main(name, path, proxy=""):
    with open(path) as file:
        documents = [document for document in yaml.safe_load_all(file) if document]
    overlay = Overlay(documents, proxy)
    overlay.check()
    for problem in overlay.problems:
        print(f"{name}: {problem}")
    if not overlay.problems:
        print(f"{name}: {len(documents)} documents are valid in Kubernetes {' and '.join(VERSIONS)}, and fit together")
    return 1 if overlay.problems else 0


sys.exit(main(*sys.argv[1:]))
