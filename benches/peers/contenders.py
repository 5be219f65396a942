"""Starting and stopping what is compared: the peers from their configuration templates, and rolling-router itself."""

import json
import os
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import binaries  # noqa: E402

TOOLS = binaries.TOOLS
# Another binary of rolling-router that takes part as `baseline`, `baseline-tls` and so on.
BASELINE = os.environ.get("BASELINE")
# How the contenders that are rolling-router are called.
ROUTERS = ("rolling-router", "baseline")
# Those that have a candidate: its blend, the share of requests that are repeated at it, and whether it answers.
WITH_CANDIDATE = {"-cohort": (10, 0, True), "-compared": (0, 0, True), "-shadow": (0, 10, True), "-shadow-silent": (0, 10, False)}
ENDPOINTS = (19001, 19002)
COOKIE = "rolling_pin"

ENVOY = "envoy --concurrency {workers} --disable-hot-restart --log-level error -c {conf}"

# name -> (template, command); {conf}, {port}, {workers} and {work} are filled in.
PEERS = {
    "nginx": ("nginx.conf.in", "nginx -c {conf}"),
    "nginx-log": ("nginx-log.conf.in", "nginx -c {conf}"),
    "nginx-websocket": ("nginx-websocket.conf.in", "nginx -c {conf}"),
    "nginx-tls": ("nginx-tls.conf.in", "nginx -c {conf}"),
    "haproxy": ("haproxy.cfg.in", "haproxy -db -f {conf}"),
    "haproxy-tls": ("haproxy-tls.cfg.in", "haproxy -db -f {conf}"),
    "nginx-h2": ("nginx-h2.conf.in", "nginx -c {conf}"),
    "haproxy-h2": ("haproxy-h2.cfg.in", "haproxy -db -f {conf}"),
    "nginx-grpc": ("nginx-grpc.conf.in", "nginx -c {conf}"),
    "haproxy-grpc": ("haproxy-grpc.cfg.in", "haproxy -db -f {conf}"),
    "envoy": ("envoy.yaml.in", ENVOY),
    "envoy-grpc": ("envoy-grpc.yaml.in", ENVOY),
    "nginx-gzip": ("nginx-gzip.conf.in", "nginx -c {conf}"),
    "haproxy-gzip": ("haproxy-gzip.cfg.in", "haproxy -db -f {conf}"),
    "caddy": ("Caddyfile.in", "env GOMAXPROCS={workers} caddy run --adapter caddyfile --config {conf}"),
    "pingora": (None, os.path.join(HERE, "pingora", "target", "release", "pingora-peer") + " {port} {workers} %d %d" % ENDPOINTS),
    "floor": (None, os.path.join(TOOLS, "raw") + " {port} %d %d" % ENDPOINTS),
}
ROUTER_COMMAND = (
    "{router} serve --listen 127.0.0.1:{port} --admin 127.0.0.1:{admin} --store memory --app shop"
    " --keyvalues {work}/keyvalues.json --token-file {work}/tokens --workers {workers} --access-log {log}"
    " --access-log-format {format}"
)
ROUTER_TLS = (
    ROUTER_COMMAND.replace("{port}", "{plain}")
    + " --listen-tls 127.0.0.1:{port} --tls-certificate {work}/cert.pem --tls-key {work}/key.pem"
)
# How the contenders end whose port is TLS.
SECURE = ("-tls", "-h2", "-grpc")
# What the app is told beyond its release, by how the contender ends.
SETTINGS = {"-grpc": {"upstream": "h2c"}, "-gzip": {"compression": {"enabled": True}}}
# Beside its port a contender may take these: plain http where the port is TLS, and an admin port.
PLAIN, ADMIN = 2500, 5000


def raise_file_limit():
    """Lifts the soft limit on open files to the hard one, which it returns."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def taken(port):
    """Whether somebody listens on a port, or has it in a way that keeps others from listening."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return False
        except OSError:
            return True


def claim(base, count):
    """The first of `count` ports that nobody has; those of the endpoints must be free as well. Without a wish
    (`base` 0) the next free block counts. A contender on a port that somebody else serves would measure them."""
    for port in ENDPOINTS:
        if taken(port):
            raise SystemExit(f"port {port}, an endpoint's, is taken: end what listens there (ss -ltnp)")
    blocks = [base] if base else range(18100, 22000, 50)
    for first in blocks:
        wanted = [first + at + beside for at in range(count) for beside in (0, PLAIN, ADMIN)]
        busy = [port for port in wanted if taken(port)]
        if not busy:
            return first
        if base:
            raise SystemExit(f"port {busy[0]} is taken: give another --base-port, or none")
    raise SystemExit("no free block of ports between 18100 and 27000")


def make_certificate(work):
    """A P-256 certificate, as most sites have: cert.pem, key.pem, and both.pem for HAProxy."""
    certificate, key = (os.path.join(work, name) for name in ("cert.pem", "key.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
        + ["-subj", "/CN=shop.example.test", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )
    with open(os.path.join(work, "both.pem"), "w") as both:
        for name in (certificate, key):
            with open(name) as part:
                both.write(part.read())


def process_tree(root):
    """The process and everything below it."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(name))
    tree, todo = [], [root]
    while todo:
        pid = todo.pop()
        tree.append(pid)
        todo += children.get(pid, [])
    return tree


def binary_of(spec):
    """The binary of a contender that is a rolling-router."""
    if spec.startswith("baseline"):
        return binaries.built(BASELINE or "baseline", "--baseline names a binary of rolling-router")
    return binaries.router()


def present(spec):
    """Whether a contender can take part; says why where it cannot."""
    if "=" in spec or spec.startswith(ROUTERS):
        return True
    program = shlex.split(PEERS[spec][1].format(conf="", port=0, workers=0, work=""))
    program = next(word for word in program if word != "env" and "=" not in word)
    if shutil.which(program):
        return True
    print(f"left out: {spec}, since {os.path.basename(program)} is not there", file=sys.stderr)
    return False


class Contender:
    """One running proxy on a port of its own."""

    def __init__(self, spec, port, workers, work, cpu, files):
        self.name, command = self._command(spec, port, workers, work, files)
        self.port = port
        self.log = os.path.join(work, f"{self.name}.log")
        if taken(port):
            raise SystemExit(f"port {port}, which {self.name} was to have, is taken")
        pinned = [] if cpu == "none" else ["taskset", "-c", cpu]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                pinned + shlex.split(command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=work
            )
        self.up = self._await_port()

    @staticmethod
    def _command(spec, port, workers, work, files):
        """`spec` is a peer's name, `rolling-router`, `rolling-router-log` (JSON), `rolling-router-combined` (what nginx
        logs), `rolling-router-tls`, `-h2`, `-grpc` and `-gzip`, one of WITH_CANDIDATE, the same beginning with `baseline`, or
        `name=command`."""
        values = {
            "port": port, "plain": port + PLAIN, "admin": port + ADMIN, "workers": workers, "work": work,
            "conf": "",
        }
        if "=" in spec:
            name, command = spec.split("=", 1)
        elif spec.startswith(ROUTERS):
            values["router"] = shlex.quote(binary_of(spec))
            name, command = spec, ROUTER_TLS if spec.endswith(SECURE) else ROUTER_COMMAND
            suffix = spec.removeprefix("rolling-router").removeprefix("baseline")
            write_keyvalues(work, WITH_CANDIDATE.get(suffix), SETTINGS.get(suffix))
            values["log"] = f"{work}/{spec}.access" if spec.endswith(("-log", "-combined")) else "off"
            values["format"] = "combined" if spec.endswith("-combined") else "json"
        else:
            name = spec
            template, command = PEERS[spec]
            if template:
                values["conf"] = fill_template(template, port, workers, work, files)
        return name, command.format(**values)

    def _await_port(self, seconds=8):
        end = time.time() + seconds
        while time.time() < end and self.process.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(0.3)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return True
            time.sleep(0.03)
        return False

    def pids(self):
        return ",".join(map(str, process_tree(self.process.pid)))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def fill_template(template, port, workers, work, files):
    with open(os.path.join(HERE, "configs", template)) as source:
        text = source.read()
    values = {"PORT": port, "N": workers, "WORK": work, "FDS": files - 100, "MAXCONN": (files - 1000) // 2}
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    path = os.path.join(work, f"{port}-{template[:-3]}")
    with open(path, "w") as out:
        out.write(text)
    return path


def silent_endpoint():
    """The port of an endpoint that takes connections and never answers, as long as this process lives."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    SILENT.append(listener)
    return listener.getsockname()[1]


SILENT = []


def write_keyvalues(work, candidate=None, settings=None):
    """One release with both endpoints, as an old deployment script would have written it; or one with the first, and a
    candidate with the second (WITH_CANDIDATE). `settings` are the app's."""
    containers = "apps/shop-1-80/containers"
    keys = {"rolling/shop/stable/id": containers}
    stable = ENDPOINTS
    if settings:
        keys["rolling/shop/settings"] = json.dumps(settings)
    if candidate:
        blend, shadow, answers = candidate
        new = "apps/shop-2-80/containers"
        stable = ENDPOINTS[:1]
        keys |= {"rolling/shop/candidate/id": new, "rolling/shop/blendpercent": str(blend), "rolling/shop/stickyness": "1"}
        keys[f"{new}/c0"] = f"127.0.0.1:{ENDPOINTS[1] if answers else silent_endpoint()}"
        if shadow:
            keys["rolling/shop/settings"] = json.dumps({"shadow": {"percent": shadow}})
    keys |= {f"{containers}/c{n}": f"127.0.0.1:{port}" for n, port in enumerate(stable)}
    with open(os.path.join(work, "keyvalues.json"), "w") as out:
        json.dump(keys, out)
    with open(os.path.join(work, "tokens"), "w") as out:
        out.write("bench-0123456789abcdef0123456789abcdef\n")
    os.chmod(os.path.join(work, "tokens"), 0o600)
