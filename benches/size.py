#!/usr/bin/env python3
"""What a large routing table costs: a change among 1,000 apps and 10,000 endpoints, and a request beside them.

Starts the binary that packages have on a store with that many apps and says, for each store:

  idle               processor time while nothing changes: health checks of all endpoints, and sampling
  changes            endpoints that change their address, written by several clients through the raw key API at a steady
                     rate: from sending a write to its answer, which says that this router serves it; from the store's
                     word to each worker's first request by the new table (the router's own rolling_publish_lag_seconds);
                     processor time of the whole process above idle, per change
  at full speed      the same as fast as the answers come
  past the API       (Redis) the same rate written with SET, as an old script does, which the router has to find

and then, with --requests, the processor time of the workers' threads per request beside that of a router with one app:
windows alternate between both in random order, and the verdict is the median of the ratio of neighbours. A third window is
the large router while it takes changes.

  cargo build --profile dist && (cd benches/peers && cargo build --release)
  benches/size.py [--apps 1000] [--endpoints 10] [--rate 100] [--seconds 10] [--clients 8] [--store embedded] [--requests]
"""
import argparse, contextlib, http.client, json, os, random, re, signal, socket, statistics, subprocess, tempfile
import threading, time

import binaries
from ports import free_port

TOKEN = 'bench-token-0123456789abcdef'
HOST = 'shop.example.test'


def endpoint(app, number, changed=False):
    """Addresses where nobody listens: they are checked, and no request goes there."""
    return f'127.{1 + app // 250}.{app % 250}.{number + 1}:{10 if changed else 9}'


def key(app, number):
    return f'apps/app{app}-1-80/containers/c{number}'


def keyvalues(apps, endpoints, served):
    """The app that requests go to, and beside it as many as wanted."""
    stable = {'shop': 'apps/shop-1-80/containers'} | {f'app{app}': f'apps/app{app}-1-80/containers' for app in range(apps)}
    values = {'rolling/null': '-'}
    for name, release in stable.items():
        values |= {f'rolling/{name}/stable/id': release, f'rolling/{name}/candidate/id': 'rolling/null',
                   f'rolling/{name}/blendpercent': '0', f'rolling/{name}/stickyness': '1'}
    for port in served:
        values[f'{stable["shop"]}/{port}'] = f'127.0.0.1:{port}'
    return values | {key(app, number): endpoint(app, number) for app in range(apps) for number in range(endpoints)}


class Api:
    """One kept connection to the admin port."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)

    def call(self, method, path, body=None):
        headers = {'Authorization': f'Bearer {TOKEN}', 'Content-Type': 'application/json'}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise SystemExit(f'{method} {path}: {answer.status} {text}')
        return text


class Router:
    def __init__(self, folder, name, store, apps, endpoints, workers, cpu):
        path = lambda end: os.path.join(folder, f'{name}-{end}')
        self.served = (free_port(), free_port())
        with open(path('keyvalues.json'), 'w') as file:
            json.dump(keyvalues(apps, endpoints, self.served), file)
        with open(path('tokens'), 'w') as file:
            file.write(f'{TOKEN} bench admin\n')
        self.front, self.admin, self.apps, self.endpoints = free_port(), free_port(), apps, endpoints
        store = {'memory': 'memory', 'embedded': 'embedded:' + path('store.redb')}.get(store, store)
        pinned = ['taskset', '-c', cpu] if cpu else []
        self.process = subprocess.Popen(
            [*pinned, binaries.router(), 'serve', '--listen', f'127.0.0.1:{self.front}', '--admin', f'127.0.0.1:{self.admin}',
             '--store', store, '--keyvalues', path('keyvalues.json'), '--app', 'shop', '--token-file', path('tokens'),
             '--state', path('state'), '--workers', str(workers), '--access-log', 'off'],
            stdout=subprocess.DEVNULL, stderr=open(path('log'), 'w'))
        begun = time.monotonic()
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() - begun > 120:
                raise SystemExit(f'the router did not get ready, see {path("log")}')
            time.sleep(0.05)
        api = self.api()
        for app in range(apps):
            api.call('PUT', f'/api/v1/apps/app{app}/settings', json.dumps({'hosts': [f'app{app}.example.test']}))
        time.sleep(3)

    def is_ready(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection('127.0.0.1', self.admin, timeout=1)
            connection.request('GET', '/readyz')
            return connection.getresponse().status == 200

    def api(self):
        return Api(self.admin)

    def cpu(self, threads=''):
        """Seconds of processor time of the threads whose name begins so."""
        total, tasks = 0, f'/proc/{self.process.pid}/task'
        for task in os.listdir(tasks):
            with contextlib.suppress(OSError):
                name = open(f'{tasks}/{task}/comm').read()
                total += int(open(f'{tasks}/{task}/schedstat').read().split()[0]) if name.startswith(threads) else 0
        return total / 1e9

    def metrics(self):
        return self.api().call('GET', '/metrics')

    def requests(self):
        return sum(int(count) for count in re.findall(r'^rolling_requests_total\{.*\} (\d+)$', self.metrics(), re.M))

    def lag(self):
        pattern = r'^rolling_publish_lag_seconds_bucket\{.*?le="([^"]+)"\} (\d+)'
        return {float(le): int(count) for le, count in re.findall(pattern, self.metrics(), re.M)}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Changes:
    """Endpoints that change their address, by several clients at once; each change is another endpoint's."""

    def __init__(self, router, clients, rate, seconds):
        self.router, self.rate, self.taken, self.next, self.lock = router, rate, [], 0, threading.Lock()
        self.begun = time.monotonic()
        self.until = self.begun + seconds
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        api = Api(self.router.admin)
        while True:
            with self.lock:
                number, self.next = self.next, self.next + 1
            due = self.begun + number / self.rate if self.rate else time.monotonic()
            if due >= self.until or time.monotonic() >= self.until:
                return
            time.sleep(max(0, due - time.monotonic()))
            name, value = change(number, self.router.apps, self.router.endpoints)
            sent = time.perf_counter()
            api.call('PUT', f'/api/kv/{name}', value)
            self.taken.append(time.perf_counter() - sent)

    def wait(self):
        for thread in self.threads:
            thread.join()
        self.taken.sort()
        return time.monotonic() - self.begun


def change(number, apps, endpoints):
    # 389 is prime, so that neighbours are no neighbours.
    which = number * 389 % (apps * endpoints)
    app, at, turn = which % apps, which // apps, number // (apps * endpoints)
    return key(app, at), endpoint(app, at, changed=turn % 2 == 0)


def quantile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))] if values else float('nan')


def bucket_quantile(before, after, share):
    counts = {le: after[le] - before.get(le, 0) for le in sorted(after)}
    total = counts.get(float('inf'), 0)
    return next((le for le, count in counts.items() if count >= share * total), float('nan')) if total else float('nan')


@contextlib.contextmanager
def load(router, *more, pinned=()):
    """The load generator, with endpoints of its own."""
    process = subprocess.Popen(
        [*pinned, binaries.tool('lg'), '--proxy', f'127.0.0.1:{router.front}', '--pids', str(router.process.pid), '--conns', '64',
         '--endpoints', ','.join(map(str, router.served)), '--duration', '600', '--warm', '0.1', '--cookie', 'rolling_pin',
         '--host', HOST, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        if process.poll() is not None:
            raise SystemExit('the load generator has ended')
        yield
    finally:
        process.terminate()
        process.wait()


def idle(router, seconds):
    before, begun = router.cpu(), time.monotonic()
    time.sleep(seconds)
    return (router.cpu() - before) / (time.monotonic() - begun)


def cost(router, options, server):
    """The figures of one store."""
    ms = lambda seconds: f'{seconds * 1000:.2f} ms'
    rest = idle(router, options.seconds)
    print(f'idle               {rest:.1%} of a core')
    with load(router, '--rate', '1000', '--spin', '0'):
        # What the light load costs is no part of a change's cost.
        loaded = idle(router, options.seconds / 2)
        lag, before = router.lag(), router.cpu()
        changes = Changes(router, options.clients, options.rate, options.seconds)
        length = changes.wait()
        used, count, after = router.cpu() - before, len(changes.taken), router.lag()
    print(f'changes            {count / length:.1f} per second by {options.clients} clients, '
          f'{(used - loaded * length) / count * 1000:.2f} ms of processor time each, '
          f'{used / length - loaded:.1%} of a core')
    print(f'  write to answer  p50 {ms(quantile(changes.taken, 0.5))}   p99 {ms(quantile(changes.taken, 0.99))}   '
          f'max {ms(changes.taken[-1])}')
    print(f'  to each worker   p50 <= {ms(bucket_quantile(lag, after, 0.5))}   p99 <= {ms(bucket_quantile(lag, after, 0.99))}')
    before = router.cpu()
    changes = Changes(router, options.clients, 0, options.seconds / 2)
    length = changes.wait()
    used, count = router.cpu() - before, len(changes.taken)
    print(f'at full speed      {count / length:.0f} per second, {(used - rest * length) / count * 1000:.2f} ms each, '
          f'p50 {ms(quantile(changes.taken, 0.5))}, p99 {ms(quantile(changes.taken, 0.99))}')
    if server:
        past_the_api(router, options, server, rest)


def past_the_api(router, options, server, rest):
    """The last SET of all is looked for until the router routes by it; those before it were found by then."""
    count = int(options.rate * options.seconds)
    before, begun = router.cpu(), time.monotonic()
    with socket.create_connection(('127.0.0.1', server)) as redis:
        for number in range(count):
            time.sleep(max(0, begun + number / options.rate - time.monotonic()))
            # A third address, unlike any that was written before.
            which = number * 389 % (router.apps * router.endpoints)
            app, at = which % router.apps, which // router.apps
            value = endpoint(app, at).replace(':9', ':11')
            words = ['SET', key(app, at), value]
            redis.sendall(''.join([f'*{len(words)}\r\n', *(f'${len(word)}\r\n{word}\r\n' for word in words)]).encode())
            redis.recv(100)
    written = time.monotonic()
    while value not in router.api().call('GET', f'/api/v1/apps/app{app}'):
        time.sleep(0.01)
    seen = time.monotonic()
    used = router.cpu() - before - rest * (seen - begun)
    print(f'past the API       {count / (written - begun):.1f} SETs per second, {used / count * 1000:.2f} ms of processor time '
          f'each, the last one routed {seen - written:.2f} s after it was written')


def window(router, seconds):
    """Processor time of the workers per request, in us."""
    with load(router, pinned=('taskset', '-c', '1')):
        cpu, requests = router.cpu('worker-'), router.requests()
        time.sleep(seconds)
        return (router.cpu('worker-') - cpu) / (router.requests() - requests) * 1e6


def compare(one, many, options):
    windows = {'many': [], 'changing': []}
    absolute = {'one': [], 'many': [], 'changing': []}
    for _ in range(options.rounds):
        order = ['one', 'many', 'changing']
        random.shuffle(order)
        found = {}
        for name in order:
            if name == 'changing':
                changes = Changes(many, 2, options.rate, 1.6)
            found[name] = window(one if name == 'one' else many, 0.8)
            if name == 'changing':
                changes.wait()
        for name, cost in found.items():
            absolute[name].append(cost)
        for name in windows:
            windows[name].append(found[name] / found['one'])
    for name, text in (('many', 'many apps'), ('changing', f'while {options.rate:.0f} changes/s')):
        ratios = sorted(windows[name])
        print(f'requests           {text}: {statistics.median(ratios):.3f} of one app '
              f'(quartiles {quantile(ratios, 0.25):.3f} to {quantile(ratios, 0.75):.3f}); '
              f'{statistics.median(absolute[name]):.2f} us against {statistics.median(absolute["one"]):.2f} us')


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--apps', type=int, default=1000)
    arguments.add_argument('--endpoints', type=int, default=10, help='of each app')
    arguments.add_argument('--rate', type=float, default=100, help='changes per second')
    arguments.add_argument('--seconds', type=float, default=10)
    arguments.add_argument('--clients', type=int, default=8)
    arguments.add_argument('--workers', type=int, default=1)
    arguments.add_argument('--store', choices=['embedded', 'memory', 'redis'], default='embedded')
    arguments.add_argument('--requests', action='store_true', help='compare what a request costs instead')
    arguments.add_argument('--rounds', type=int, default=15)
    options = arguments.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server, store = None, options.store
        if store == 'redis':
            server = free_port()
            redis = subprocess.Popen(['redis-server', '--port', str(server), '--save', '', '--dir', folder],
                                     stdout=subprocess.DEVNULL)
            stack.callback(redis.terminate)
            store = f'redis://127.0.0.1:{server}'
            time.sleep(0.5)
        cpu = '0' if options.requests else ''
        many = Router(folder, 'many', store, options.apps, options.endpoints, options.workers, cpu)
        stack.callback(many.stop)
        print(f'{options.apps + 1} apps, {options.apps * options.endpoints} endpoints, store {options.store}')
        if options.requests:
            one = Router(folder, 'one', 'memory', 0, 0, options.workers, cpu)
            stack.callback(one.stop)
            compare(one, many, options)
        else:
            cost(many, options, server)


main()
