#!/usr/bin/env python3
"""How long it takes until a bad candidate is aborted by the verdict, and how many sessions met a failure by then.

Starts the binary that packages have, with an app for each of several runs side by side. In each a candidate comes at blend 10, and 100 new
clients a second ask for a page, each from a network of its own. Stable fails one of a thousand, the candidate always, one of ten,
or one of a hundred. Each run ends with the abort; its time is that of the abort's event, from when the clients began.

With --prometheus the candidate stays, and two analyses by a Prometheus look at the same clients: it reads the router's metrics every 15 s,
and a rule that is evaluated every 15 s, or every 60 s, fires where more than 1 % of the candidate's requests of the last minute failed. Then
a run ends when verdict and both rules have spoken.

With --members 3 there are three routers on one Redis, and each client comes to any of them.

  cargo build --profile dist
  benches/delay.py [--prometheus] [--members 1] [--runs 20] [--beside 4] [--rate 100] [--blend 10] [--shares 1,0.1,0.01] [--seconds 600]
"""
import argparse, asyncio, contextlib, http.client, json, math, os, random, resource, signal, socket, statistics, subprocess, tempfile, time

import binaries
from ports import free_port

STABLE_SHARE = 0.001
TOKEN = 'bench-token-of-32-characters-xx'
ANSWERS = {status: f'HTTP/1.1 {status}\r\nContent-Length: 2\r\nX-Release: %s\r\n\r\nok' for status in ('200 OK', '500 Internal Server Error')}


class Endpoint(asyncio.Protocol):
    """Fails a share of requests, by chance."""

    def __init__(self, release, share):
        self.share, self.read = share, b''
        self.good, self.bad = ((text % release).encode() for text in ANSWERS.values())

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.read += data
        while b'\r\n\r\n' in self.read:
            self.read = self.read.split(b'\r\n\r\n', 1)[1]
            self.transport.write(self.bad if random.random() < self.share else self.good)


async def serve(release, share):
    server = await asyncio.get_running_loop().create_server(lambda: Endpoint(release, share), '127.0.0.1', 0)
    return server, server.sockets[0].getsockname()[1]


def release(app, name):
    return f'apps/{app}-{name}-80/containers'


def keyvalues_of(app, stable, candidate, on_worse):
    return {f'rolling/{app}/stable/id': release(app, 'a'), f'rolling/{app}/candidate/id': 'rolling/null',
            f'rolling/{app}/blendpercent': '0', f'rolling/{app}/stickyness': '1',
            f'rolling/{app}/settings': json.dumps({'hosts': [app], 'verdict': {'on_worse': on_worse}}),
            f'{release(app, "a")}/1': f'127.0.0.1:{stable}', f'{release(app, "b")}/1': f'127.0.0.1:{candidate}'}


class Router:
    """A router with these keyvalues."""

    def __init__(self, folder, keyvalues, store='memory'):
        path = lambda name: os.path.join(folder, name)
        os.makedirs(folder, exist_ok=True)
        for name, text in (('keyvalues.json', json.dumps(keyvalues)), ('tokens', f'{TOKEN} bench admin\n')):
            with open(os.open(path(name), os.O_CREAT | os.O_WRONLY, 0o600), 'w') as file:
                file.write(text)
        self.front, self.admin, self.log = free_port(), free_port(), path('router.log')
        self.process = subprocess.Popen(
            [binaries.router(), 'serve', '--listen', f'127.0.0.1:{self.front}', '--admin', f'127.0.0.1:{self.admin}', '--store', store,
             '--keyvalues', path('keyvalues.json'), '--token-file', path('tokens'), '--workers', '1', '--state', path('state')],
            stdout=subprocess.DEVNULL, stderr=open(self.log, 'w'))
        for _ in range(500):
            if self.process.poll() is not None:
                raise SystemExit(open(self.log).read())
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection('127.0.0.1', self.admin, timeout=1)
                connection.request('GET', '/readyz')
                if connection.getresponse().status == 200:
                    return
            time.sleep(0.02)
        raise SystemExit('the router is not ready after 10 s')

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection('127.0.0.1', self.admin, timeout=30)
        headers = {'Authorization': f'Bearer {TOKEN}', 'Content-Type': 'application/json'}
        connection.request(method, f'/api/v1/apps/{path}', None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise SystemExit(f'{method} {path}: {answer.status} {text}')
        return json.loads(text)


RULE = {'alert': 'CandidateFails', 'expr': 'sum by (app) (increase(rolling_requests_total{track="candidate",status="5xx"}[1m]))'
                                          ' / sum by (app) (increase(rolling_requests_total{track="candidate"}[1m])) > 0.01'}
RULES = {'groups': [{'name': f'every{every}s', 'interval': f'{every}s', 'rules': [RULE | {'labels': {'every': every}}]} for every in ('15', '60')]}


class Prometheus:
    """One that reads a router's metrics every 15 s."""

    def __init__(self, folder, router):
        path = lambda name: os.path.join(folder, name)
        config = {'global': {'scrape_interval': '15s'}, 'rule_files': [path('rules.yml')], 'scrape_configs': [
            {'job_name': 'router', 'authorization': {'credentials': TOKEN}, 'static_configs': [{'targets': [f'127.0.0.1:{router.admin}']}]}]}
        for name, text in (('prometheus.yml', json.dumps(config)), ('rules.yml', json.dumps(RULES))):
            with open(path(name), 'w') as file:
                file.write(text)
        self.port = free_port()
        self.process = subprocess.Popen(
            ['prometheus', f'--config.file={path("prometheus.yml")}', f'--storage.tsdb.path={path("data")}',
             f'--web.listen-address=127.0.0.1:{self.port}'], stdout=subprocess.DEVNULL, stderr=open(path('prometheus.log'), 'w'))

    def firing(self):
        """App and rule of every alert that fires."""
        try:
            connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
            connection.request('GET', '/api/v1/alerts')
            alerts = json.loads(connection.getresponse().read())['data']['alerts']
        except (OSError, KeyError, ValueError):
            return set()
        return {(alert['labels']['app'], alert['labels']['every']) for alert in alerts if alert['state'] == 'firing'}


class Redis:
    """One without persistence."""

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen(
            ['redis-server', '--port', str(self.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], stdout=subprocess.DEVNULL)
        for _ in range(250):
            with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', self.port), 1):
                return
            time.sleep(0.02)
        raise SystemExit('redis-server is not ready after 5 s')


async def ask(router, app, n, met):
    """A client of a network of its own asks for one page."""
    source = f'127.{16 + n // 256 % 200}.{n % 256}.1'
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection('127.0.0.1', router.front, local_addr=(source, 0))
        writer.write(f'GET / HTTP/1.1\r\nHost: {app}\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n'.encode())
        answer = await reader.read()
        writer.close()
        if b' 500 ' in answer[:16] and b'\r\nx-release: b' in answer.lower():
            met.append(time.time())


async def run(routers, app, options, prometheus):
    """By who judged: seconds until they said so, sessions that had met a failure of the candidate by then, and seconds since the third had."""
    router = routers[0]
    loop = asyncio.get_running_loop()
    call = lambda *words: loop.run_in_executor(None, router.call, *words)
    await call('PUT', f'{app}/candidate', {'id': release(app, 'b'), 'blend': options.blend})
    began, at, met, tasks, n = time.time(), loop.time(), [], set(), random.randrange(1 << 16)
    looking, said, judges = None, {}, JUDGES if prometheus else JUDGES[:1]
    while time.time() - began < options.seconds and len(said) < len(judges):
        at += random.expovariate(options.rate)
        await asyncio.sleep(max(0, at - loop.time()))
        n += 1
        task = asyncio.create_task(ask(random.choice(routers), app, n, met))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if looking is None or looking.done():
            for judge, moment in (looking.result() if looking else {}).items():
                said.setdefault(judge, moment)
            looking = asyncio.ensure_future(look(call, app, prometheus))
    await asyncio.gather(*tasks)
    looking.cancel()
    await call('DELETE', f'{app}/candidate', {'reason': 'the run is over'})
    third = sorted(met)[2] if len(met) > 2 else math.inf
    return {judge: (moment - began, sum(when <= moment for when in met), moment - third) for judge, moment in said.items()}


JUDGES = ('verdict', 'rule every 15 s', 'rule every 60 s')


async def look(call, app, prometheus):
    """Who says that the candidate is bad, and since when."""
    await asyncio.sleep(0.1)
    if prometheus is None:
        event = (await call('GET', f'{app}/history?limit=1'))['events'][0]
        return {JUDGES[0]: event['at'] / 1000} if event['command'] == 'abort' else {}
    said = {JUDGES[0]: time.time()} if (await call('GET', f'{app}/verdict'))['verdict'] == 'worse' else {}
    firing = await asyncio.get_running_loop().run_in_executor(None, prometheus.firing)
    return said | {f'rule every {every} s': time.time() for named, every in firing if named == app}


async def runs(share, options):
    ended, servers, keyvalues = [], [], {'rolling/null': '-'}
    apps = [f'run{n}' for n in range(options.runs)]
    for app in apps:
        (stable, one), (candidate, other) = await serve('a', STABLE_SHARE), await serve('b', share)
        servers += [stable, candidate]
        keyvalues |= keyvalues_of(app, one, other, 'tell' if options.prometheus else 'abort')
    with tempfile.TemporaryDirectory() as folder:
        redis = Redis() if options.members > 1 else None
        store = f'redis://127.0.0.1:{redis.port}' if redis else 'memory'
        routers = [Router(os.path.join(folder, str(n)), keyvalues, store) for n in range(options.members)]
        prometheus = Prometheus(folder, routers[0]) if options.prometheus else None
        started = [router.process for router in routers] + [beside.process for beside in (prometheus, redis) if beside]
        try:
            beside = asyncio.Semaphore(options.beside)

            async def one(app):
                async with beside:
                    return await run(routers, app, options, prometheus)
            ended = await asyncio.gather(*map(one, apps))
        finally:
            for process in started:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
    for server in servers:
        server.close()
    return ended


def report(share, ended):
    at = lambda values, quantile: sorted(values)[min(len(values) - 1, int(quantile * len(values)))]
    for judge in [judge for judge in JUDGES if any(judge in end for end in ended)] or JUDGES[:1]:
        said = [end[judge] for end in ended if judge in end]
        if not said:
            print(f'{share:>6.1%}  {judge}: never in {len(ended)} runs', flush=True)
            continue
        seconds, met, since_third = zip(*said)
        print(f'{share:>6.1%}  {judge}: {len(said)} of {len(ended)}; seconds: median {statistics.median(seconds):.1f}, p95 {at(seconds, 0.95):.1f}; '
              f'sessions that met a failure: median {statistics.median(met):.0f}, p95 {at(met, 0.95)}; seconds after the third: '
              f'median {statistics.median(since_third):.2f}, most {max(since_third):.2f}', flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--prometheus', action='store_true')
    arguments.add_argument('--members', type=int, default=1)
    arguments.add_argument('--runs', type=int, default=20)
    arguments.add_argument('--beside', type=int, default=4)
    arguments.add_argument('--rate', type=float, default=100)
    arguments.add_argument('--blend', type=float, default=10)
    arguments.add_argument('--shares', default='1,0.1,0.01')
    arguments.add_argument('--seconds', type=float, default=600)
    options = arguments.parse_args()
    binaries.router()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for share in map(float, options.shares.split(',')):
        report(share, asyncio.run(runs(share, options)))


if __name__ == '__main__':
    main()
