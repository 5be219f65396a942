#!/usr/bin/env python3
"""What a fleet takes to apply a change, and what failures of its store cost.

Starts the binary that packages have, so many times, on a store of their own. A small proxy stands between them and it.

  apply       a router answers a change; then until the last router serves it. And what `?wait=fleet` takes to answer
  forgotten   all connections to the store lead nowhere any more, though nothing closes them, as after a firewall was started
              again; then until a router takes a command again, and until all routers serve it
  leader      the leader of an etcd of three members is killed; then until etcd takes a write itself, and until a router does

  cargo build --profile dist
  benches/fleet.py --store redis [--routers 5] [--changes 200] [--runs 10]
  benches/fleet.py --store etcd [--election-ms 1000]
"""
import argparse, base64, contextlib, http.client, json, os, selectors, socket, subprocess, tempfile, threading, time

import binaries
from ports import free_port

RELEASE = 'apps/bench-a-80/containers'
KEYVALUES = {
    'rolling/null': '-',
    'rolling/bench/stable/id': RELEASE,
    'rolling/bench/candidate/id': 'rolling/null',
    'rolling/bench/blendpercent': '0',
    'rolling/bench/stickyness': '1',
    RELEASE + '/1': '127.0.0.1:9',
}
TOKEN = 'bench-token-0123456789abcdef'
PATH = '/api/v1/apps/bench'


def call(port, method, path, body=None, timeout=30, login=True):
    """Status and JSON of one call on a connection of its own; status 0 where nothing came."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        headers = {'Content-Type': 'application/json'} | ({'Authorization': f'Bearer {TOKEN}'} if login else {})
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith(b'{') else None
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None
    finally:
        connection.close()


def until(what, holds, seconds=60):
    """Seconds until it holds."""
    begun = time.perf_counter()
    while not holds():
        if time.perf_counter() - begun > seconds:
            raise SystemExit(f'not within {seconds} s: {what}')
        time.sleep(0.005)
    return time.perf_counter() - begun


class Forgetful(threading.Thread):
    """A TCP proxy in one thread. What it has forgotten it neither carries nor closes."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.selector, self.kept = target, selectors.DefaultSelector(), []
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=512)
        self.port, self.wanted = self.listener.getsockname()[1], threading.Event()
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.start()

    def forget(self):
        self.wanted.set()
        while self.wanted.is_set():
            time.sleep(0.001)

    def run(self):
        while True:
            for key, _ in self.selector.select(0.01):
                if key.data is None:
                    self.connect()
                else:
                    self.carry(key.fileobj, key.data)
            if self.wanted.is_set():
                for key in list(self.selector.get_map().values()):
                    if key.data is not None:
                        self.kept.append(key.fileobj)
                        self.selector.unregister(key.fileobj)
                self.wanted.clear()

    def connect(self):
        with contextlib.suppress(OSError):
            client, _ = self.listener.accept()
            server = socket.create_connection(('127.0.0.1', self.target))
            for one, other in ((client, server), (server, client)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.selector.register(one, selectors.EVENT_READ, other)

    def carry(self, one, other):
        try:
            data = one.recv(1 << 16)
            if data:
                return other.sendall(data)
        except OSError:
            pass
        for side in (one, other):
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(side)
            side.close()


class Etcd:
    """Members of a cluster."""

    def __init__(self, stack, folder, members, election_ms):
        self.clients, peers = [free_port() for _ in range(members)], [free_port() for _ in range(members)]
        cluster = ','.join(f'm{n}=http://127.0.0.1:{port}' for n, port in enumerate(peers))
        self.commands = [
            ['etcd', '--name', f'm{n}', '--data-dir', os.path.join(folder, f'm{n}'), '--log-level', 'error',
             '--initial-cluster', cluster, '--unsafe-no-fsync',
             '--heartbeat-interval', str(election_ms // 10), '--election-timeout', str(election_ms)]
            + [f'--{kind}={value}' for kind, value in (
                ('listen-client-urls', f'http://127.0.0.1:{client}'), ('advertise-client-urls', f'http://127.0.0.1:{client}'),
                ('listen-peer-urls', f'http://127.0.0.1:{peer}'), ('initial-advertise-peer-urls', f'http://127.0.0.1:{peer}'))]
            for n, (client, peer) in enumerate(zip(self.clients, peers))]
        self.processes = [self.spawn(command) for command in self.commands]
        stack.callback(lambda: [process.kill() for process in self.processes])
        until('etcd takes a write', lambda: all(self.writes(n) for n in range(members)))

    @staticmethod
    def spawn(command):
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def writes(self, member):
        key = base64.b64encode(b'bench-probe').decode()
        return call(self.clients[member], 'POST', '/v3/kv/put', {'key': key, 'value': key}, 5, False)[0] == 200

    def leader(self):
        for n, port in enumerate(self.clients):
            status, answer = call(port, 'POST', '/v3/maintenance/status', {}, 5, False)
            if status == 200 and answer['leader'] == answer['header']['member_id']:
                return n
        raise SystemExit('etcd has no leader')


class Fleet:
    def __init__(self, stack, folder, store, routers):
        path = lambda name: os.path.join(folder, name)
        with open(path('keyvalues.json'), 'w') as file:
            json.dump(KEYVALUES, file)
        with open(path('tokens'), 'w') as file:
            file.write(f'{TOKEN} bench admin\n')
        os.chmod(path('tokens'), 0o600)
        self.admins = []
        for n in range(routers):
            front, admin = free_port(), free_port()
            router = subprocess.Popen(
                [binaries.router(), 'serve', '--listen', f'127.0.0.1:{front}', '--admin', f'127.0.0.1:{admin}', '--store', store,
                 '--keyvalues', path('keyvalues.json'), '--app', 'bench', '--token-file', path('tokens'), '--node', f'r{n}',
                 '--state', path(f'state{n}'), '--workers', '1', '--access-log', 'off'],
                stdout=subprocess.DEVNULL, stderr=open(path(f'router{n}.log'), 'w'))
            stack.callback(router.kill)
            until('a router is ready', lambda: call(admin, 'GET', '/readyz')[0] == 200)
            self.admins.append(admin)
        until('all routers know each other', lambda: self.set(0, True, 'wait=fleet&timeout=5s')[0] == 200)
        self.kept, self.files = [None] * routers, [None] * routers

    def set(self, at, sticky, query='', timeout=30):
        path = f'{PATH}/sticky' + (f'?{query}' if query else '')
        return call(self.admins[at], 'PUT', path, {'sticky': sticky}, timeout)

    def seqs(self):
        """What every router serves, all asked at once on kept connections."""
        for at in range(len(self.admins)):
            self.ask(at)
        return [self.read_seq(self.files[at]) or self.ask(at, True) or self.read_seq(self.files[at]) for at in range(len(self.admins))]

    def ask(self, at, anew=False):
        if anew or self.kept[at] is None:
            self.kept[at] = socket.create_connection(('127.0.0.1', self.admins[at]))
            self.files[at] = self.kept[at].makefile('rb')
        head = f'GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{self.admins[at]}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n'
        with contextlib.suppress(OSError):
            self.kept[at].sendall(head.encode())

    @staticmethod
    def read_seq(file):
        """None where the router has closed the connection."""
        length = 0
        with contextlib.suppress(OSError):
            while (line := file.readline()) not in (b'\r\n', b''):
                if line.lower().startswith(b'content-length:'):
                    length = int(line.split(b':')[1])
            return json.loads(file.read(length))['seq'] if length else None

    def takes_command(self, at, flag):
        """Seconds until a router takes a command, and until all serve it."""
        begun = time.perf_counter()
        answer = {}

        def accepted():
            nonlocal answer
            status, answer = self.set(at, flag, timeout=20)
            return status == 200
        until('a command is taken', accepted)
        taken = time.perf_counter() - begun
        until('all serve it', lambda: min(self.seqs()) >= answer['seq'])
        return taken, time.perf_counter() - begun


def shown(name, taken):
    taken = sorted(taken)
    at = lambda quantile: taken[min(len(taken) - 1, int(quantile * len(taken)))] * 1000
    print(f'{name:46} p50 {at(0.5):8.1f} ms   p99 {at(0.99):8.1f} ms   most {at(1):8.1f} ms   ({len(taken)})')


def apply(fleet, changes):
    spread, waited = [], []
    for n in range(changes):
        at = n % len(fleet.admins)
        fleet.seqs()
        status, answer = fleet.set(at, n % 2 == 1)
        begun = time.perf_counter()
        if status != 200:
            raise SystemExit(f'{status} {answer}')
        while min(fleet.seqs()) < answer['seq']:
            pass
        spread.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        status, answer = fleet.set((at + 1) % len(fleet.admins), n % 2 == 0, 'wait=fleet&timeout=20s')
        waited.append(time.perf_counter() - begun)
        if status != 200:
            raise SystemExit(f'{status} {answer}')
    shown('from an answer to the last router', spread)
    shown('answered with wait=fleet', waited)


def forgotten(fleet, proxy, runs):
    taken, served = [], []
    for n in range(runs):
        time.sleep(1)
        proxy.forget()
        one, all_of_them = fleet.takes_command(n % len(fleet.admins), n % 2 == 0)
        taken.append(one)
        served.append(all_of_them)
    shown('forgotten connections: a command is taken', taken)
    shown('forgotten connections: all routers serve it', served)


def ask_often(question, answered):
    """Returns with the first yes. What is asked of a cluster without a leader may stay without an answer, so it is asked anew meanwhile."""
    while not answered.is_set():
        threading.Thread(target=lambda: question() and answered.set(), daemon=True).start()
        answered.wait(0.05)


def leader(fleet, etcd, runs):
    itself, taken = [], []
    for n in range(runs):
        time.sleep(2)
        lost = etcd.leader()
        left = (lost + 1) % len(etcd.clients)
        etcd.processes[lost].kill()
        etcd.processes[lost].wait()
        begun = time.perf_counter()
        first = threading.Event()
        probe = threading.Thread(target=lambda: (ask_often(lambda: etcd.writes(left), first), itself.append(time.perf_counter() - begun)))
        probe.start()
        taken.append(fleet.takes_command(n % len(fleet.admins), n % 2 == 0)[0])
        probe.join()
        etcd.processes[lost] = etcd.spawn(etcd.commands[lost])
        until('the member is back', lambda: etcd.writes(lost))
    shown('leader lost: etcd takes a write', itself)
    shown('leader lost: a router takes a command', taken)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--store', choices=['redis', 'etcd'], required=True)
    arguments.add_argument('--routers', type=int, default=5)
    arguments.add_argument('--changes', type=int, default=200)
    arguments.add_argument('--runs', type=int, default=10)
    arguments.add_argument('--election-ms', type=int, default=1000, help="etcd's own default is 1000")
    options = arguments.parse_args()
    binaries.router()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        part = lambda name: os.makedirs(os.path.join(folder, name)) or os.path.join(folder, name)
        if options.store == 'redis':
            server = free_port()
            redis = subprocess.Popen(['redis-server', '--port', str(server), '--save', '', '--dir', folder], stdout=subprocess.DEVNULL)
            stack.callback(redis.kill)
            until('redis listens', lambda: socket.socket().connect_ex(('127.0.0.1', server)) == 0)
        else:
            server = Etcd(stack, part('etcd'), 1, options.election_ms).clients[0]
        proxy = Forgetful(server)
        fleet = Fleet(stack, part('fleet'), f'{options.store}://127.0.0.1:{proxy.port}?prefix=bench/', options.routers)
        direct = Fleet(stack, part('direct'), f'{options.store}://127.0.0.1:{server}?prefix=direct/', options.routers)
        print(f'{options.store}, {options.routers} routers')
        apply(direct, options.changes)
        forgotten(fleet, proxy, options.runs)
    if options.store == 'etcd':
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            part = lambda name: os.makedirs(os.path.join(folder, name)) or os.path.join(folder, name)
            cluster = Etcd(stack, part('etcd'), 3, options.election_ms)
            store = 'etcd://' + ','.join(f'127.0.0.1:{port}' for port in cluster.clients)
            leader(Fleet(stack, part('fleet'), store, 3), cluster, options.runs)


if __name__ == '__main__':
    main()
