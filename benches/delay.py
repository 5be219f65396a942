#!/usr/bin/env python3
"""How long it takes until a bad candidate is aborted by the verdict, and how many sessions met a failure by then.

Starts the binary that packages have, with an app for each of several runs side by side. In each a candidate comes at blend 10, and 100 new
clients a second ask for a page, each from a network of its own. Stable fails one of a thousand, the candidate always, one of ten,
or one of a hundred. Each run ends with the abort; its time is that of the abort's event, from when the clients began.

  cargo build --profile dist
  benches/delay.py [--runs 20] [--beside 4] [--rate 100] [--blend 10] [--shares 1,0.1,0.01] [--seconds 600]
"""
import argparse, asyncio, contextlib, http.client, json, os, random, resource, signal, socket, statistics, subprocess, tempfile, time

import binaries

STABLE_SHARE = 0.001
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


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def release(app, name):
    return f'apps/{app}-{name}-80/containers'


def keyvalues_of(app, stable, candidate):
    return {f'rolling/{app}/stable/id': release(app, 'a'), f'rolling/{app}/candidate/id': 'rolling/null',
            f'rolling/{app}/blendpercent': '0', f'rolling/{app}/stickyness': '1',
            f'rolling/{app}/settings': json.dumps({'hosts': [app], 'verdict': {'on_worse': 'abort'}}),
            f'{release(app, "a")}/1': f'127.0.0.1:{stable}', f'{release(app, "b")}/1': f'127.0.0.1:{candidate}'}


class Router:
    """A router with these keyvalues."""

    def __init__(self, folder, keyvalues):
        path = lambda name: os.path.join(folder, name)
        for name, text in (('keyvalues.json', json.dumps(keyvalues)), ('tokens', 'bench-token-of-32-characters-xx bench admin\n')):
            with open(os.open(path(name), os.O_CREAT | os.O_WRONLY, 0o600), 'w') as file:
                file.write(text)
        self.front, self.admin, self.log = free_port(), free_port(), path('router.log')
        self.process = subprocess.Popen(
            [binaries.router(), 'serve', '--listen', f'127.0.0.1:{self.front}', '--admin', f'127.0.0.1:{self.admin}', '--store', 'memory',
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
        headers = {'Authorization': 'Bearer bench-token-of-32-characters-xx', 'Content-Type': 'application/json'}
        connection.request(method, f'/api/v1/apps/{path}', None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise SystemExit(f'{method} {path}: {answer.status} {text}')
        return json.loads(text)


async def ask(router, app, n, met):
    """A client of a network of its own asks for one page."""
    source = f'127.{16 + n // 256 % 200}.{n % 256}.1'
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection('127.0.0.1', router.front, local_addr=(source, 0))
        writer.write(f'GET / HTTP/1.1\r\nHost: {app}\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n'.encode())
        answer = await reader.read()
        writer.close()
        if b' 500 ' in answer[:16] and b'\r\nx-release: b' in answer.lower():
            met.append(n)


async def run(router, app, options):
    """Seconds until the abort and sessions that met a failure of the candidate by then; None if there was no abort."""
    loop = asyncio.get_running_loop()
    call = lambda *words: loop.run_in_executor(None, router.call, *words)
    await call('PUT', f'{app}/candidate', {'id': release(app, 'b'), 'blend': options.blend})
    began, at, met, tasks, n = time.time(), loop.time(), [], set(), random.randrange(1 << 16)
    looking = None
    while time.time() - began < options.seconds:
        at += random.expovariate(options.rate)
        await asyncio.sleep(max(0, at - loop.time()))
        n += 1
        task = asyncio.create_task(ask(router, app, n, met))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if looking is None or looking.done():
            if looking and (event := looking.result()['events'][0])['command'] == 'abort':
                await asyncio.gather(*tasks)
                return event['at'] / 1000 - began, len(met)
            looking = asyncio.ensure_future(look(call, app))
    return None


async def look(call, app):
    await asyncio.sleep(0.2)
    return await call('GET', f'{app}/history?limit=1')


async def runs(share, options):
    ended, servers, keyvalues = [], [], {'rolling/null': '-'}
    apps = [f'run{n}' for n in range(options.runs)]
    for app in apps:
        (stable, one), (candidate, other) = await serve('a', STABLE_SHARE), await serve('b', share)
        servers += [stable, candidate]
        keyvalues |= keyvalues_of(app, one, other)
    with tempfile.TemporaryDirectory() as folder:
        router = Router(folder, keyvalues)
        try:
            beside = asyncio.Semaphore(options.beside)

            async def one(app):
                async with beside:
                    return await run(router, app, options)
            ended = await asyncio.gather(*map(one, apps))
        finally:
            router.process.send_signal(signal.SIGTERM)
            router.process.wait(30)
    for server in servers:
        server.close()
    return ended


def report(share, ended):
    aborted = sorted(end for end in ended if end)
    if not aborted:
        return print(f'{share:>6.1%}  no abort in {len(ended)} runs')
    at = lambda values, quantile: sorted(values)[min(len(values) - 1, int(quantile * len(values)))]
    seconds, met = zip(*aborted)
    print(f'{share:>6.1%}  {len(aborted)} of {len(ended)} aborted; seconds: median {statistics.median(seconds):.1f}, p95 {at(seconds, 0.95):.1f}; '
          f'sessions that met a failure: median {statistics.median(met):.0f}, p95 {at(met, 0.95)}', flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
