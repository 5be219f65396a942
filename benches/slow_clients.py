#!/usr/bin/env python3
"""What thousands of slow clients do to a good one, and to the router's memory.

Starts the binary that packages have with an endpoint, and measures the latency of one good client (a request on a kept connection,
every few milliseconds) without and with the crowd beside it, in turns. The crowd trickles heads, trickles bodies, takes a
byte of a large response now and then, or does nothing at all; it holds its connections for the length of a turn, which
is below the deadlines that would cut it, so that every one of them is there all the time. Each acts every five seconds, at
a moment of its own; with --in-step all of them act at once, as an attacker's would.

The good client and its endpoint share the router's core, and so wait for it also where the router has answered them already. With
--unshared the kernel lets them go first (SCHED_FIFO, which needs root), as if they were on machines of their own.

Crowd, good client, and an endpoint for each, are processes of their own. The crowd and its endpoint have one core, the
router, the good client and its endpoint the other, so that the crowd's own work is not taken for the router's. What is left
of it is the third figure: a crowd that is connected to its endpoint, past the router.

  cargo build --profile dist
  benches/slow_clients.py [--clients 9000] [--turns 5] [--seconds 6] [--workers 1] [--in-step] [--unshared]
"""
import argparse, asyncio, contextlib, http.client, json, multiprocessing, os, random, resource, signal, socket, statistics
import subprocess, tempfile, time

import binaries
from ports import free_port

APPS = ('good', 'crowd')
LARGE = 1 << 20
TICK = 5.0
WAYS = ('head', 'body', 'reader', 'idle', 'silent')
STARTS = {
    'head': b'GET / HTTP/1.1\r\nHost: crowd\r\nX-Slow: ',
    'body': b'POST / HTTP/1.1\r\nHost: crowd\r\nContent-Length: 1000000\r\n\r\n',
    'reader': b'GET /large HTTP/1.1\r\nHost: crowd\r\n\r\n',
    'idle': b'GET / HTTP/1.1\r\nHost: crowd\r\n\r\n',
    'silent': b'',
}


class Endpoint(asyncio.Protocol):
    """Small answers, large ones to /large, none to a body that does not end."""
    small = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    large = b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % LARGE + b'x' * LARGE

    def connection_made(self, transport):
        self.transport, self.head, self.post = transport, b'', False
        transport.get_extra_info('socket').setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)

    def data_received(self, data):
        if self.post:
            return
        self.head += data
        self.post = self.head.startswith(b'POST')
        if not self.post and self.head.endswith(b'\r\n\r\n'):
            self.transport.write(self.large if b' /large ' in self.head[:12] else self.small)
            self.head = b''


def serve(pipe):
    async def run():
        server = await asyncio.get_running_loop().create_server(Endpoint, '127.0.0.1', 0, backlog=4096)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()
    asyncio.run(run())


async def slow(port, way, opening, ended, over, phase):
    loop, sock = asyncio.get_running_loop(), socket.socket()
    if way == 'reader':
        # On loopback a segment has 64 KiB, and the kernel lets a sender have 2 MiB under way; nowhere else.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    async with opening:
        await loop.sock_connect(sock, ('127.0.0.1', port))
        await loop.sock_sendall(sock, STARTS[way])
    try:
        await asyncio.sleep(phase)
        while not over.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(over.wait(), TICK)
            if way in ('head', 'body'):
                await loop.sock_sendall(sock, b'x')
            elif way == 'reader':
                with contextlib.suppress(BlockingIOError):
                    sock.recv(1)
    except OSError:
        ended.append(way)
    sock.close()


def crowd(pipe):
    """Connects so many slow clients to a port, says when all are there, and lets go when told."""
    async def run(port, clients, in_step):
        phase = lambda: 0 if in_step else random.random() * TICK
        opening, ended, over = asyncio.Semaphore(200), [], asyncio.Event()
        tasks = [asyncio.create_task(slow(port, WAYS[n % len(WAYS)], opening, ended, over, phase())) for n in range(clients)]
        while opening.locked() or opening._waiters:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        pipe.send(len(ended))
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        over.set()
        await asyncio.gather(*tasks)
        pipe.send(len(ended))
    while True:
        asyncio.run(run(*pipe.recv()))


def good(port, seconds):
    """Latencies in seconds."""
    sock, taken, until = socket.create_connection(('127.0.0.1', port)), [], time.perf_counter() + seconds
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while time.perf_counter() < until:
        begun, answer = time.perf_counter(), b''
        sock.sendall(b'GET / HTTP/1.1\r\nHost: good\r\n\r\n')
        while not answer.endswith(b'\r\n\r\nok'):
            read = sock.recv(4096)
            if not read:
                raise SystemExit('the good client was cut')
            answer += read
        taken.append(time.perf_counter() - begun)
        time.sleep(0.002)
    return sorted(taken)


def memory(pid):
    """Anonymous memory in KiB."""
    with open(f'/proc/{pid}/smaps_rollup') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('Anonymous:'))


def keyvalues_of(app, endpoint):
    release = f'apps/{app}-a-80/containers'
    return {f'rolling/{app}/stable/id': release, f'rolling/{app}/candidate/id': 'rolling/null',
            f'rolling/{app}/blendpercent': '0', f'rolling/{app}/stickyness': '1',
            f'rolling/{app}/settings': json.dumps({'hosts': [app]}), f'{release}/1': f'127.0.0.1:{endpoint}'}


def start_router(folder, endpoints, workers):
    path = lambda name: os.path.join(folder, name)
    keyvalues = {'rolling/null': '-'}
    for app, endpoint in zip(APPS, endpoints):
        keyvalues |= keyvalues_of(app, endpoint)
    with open(path('keyvalues.json'), 'w') as file:
        json.dump(keyvalues, file)
    with open(path('config.toml'), 'w') as file:
        file.write('[limits]\n' + ''.join(f'{name} = 3_600_000\n' for name in ('header_ms', 'body_grace_ms', 'idle_ms')))
    front, admin = free_port(), free_port()
    router = subprocess.Popen(
        [binaries.router(), 'serve', '--listen', f'127.0.0.1:{front}', '--admin', f'127.0.0.1:{admin}', '--store', 'memory',
         '--keyvalues', path('keyvalues.json'), '--workers', str(workers),
         '--config', path('config.toml'), '--state', path('state')],
        stdout=subprocess.DEVNULL, stderr=open(path('router.log'), 'w'))
    for _ in range(500):
        if router.poll() is not None:
            raise SystemExit(open(path('router.log')).read())
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection('127.0.0.1', admin, timeout=1)
            connection.request('GET', '/readyz')
            if connection.getresponse().status == 200:
                return router, front
        time.sleep(0.02)
    raise SystemExit('the router is not ready after 10 s')


def report(name, turns):
    at = lambda taken, quantile: taken[min(len(taken) - 1, int(quantile * len(taken)))] * 1e6
    p50, p99 = (statistics.median(at(taken, quantile) for taken in turns) for quantile in (0.5, 0.99))
    print(f'{name:34} p50 {p50:7.0f} us   p99 {p99:7.0f} us   ({sum(map(len, turns))} requests)')
    return p99


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--clients', type=int, default=9000)
    arguments.add_argument('--turns', type=int, default=5)
    arguments.add_argument('--seconds', type=float, default=6)
    arguments.add_argument('--workers', type=int, default=1)
    arguments.add_argument('--in-step', action='store_true')
    arguments.add_argument('--unshared', action='store_true')
    options = arguments.parse_args()
    binaries.router()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.clients * 2 > hard - 1000:
        raise SystemExit(f'{options.clients} clients need twice as many descriptors; {hard} are allowed (ulimit -Hn)')
    pipes, processes = [], []
    near, far = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, {near})
    for core, target in ((near, serve), (far, serve), (far, crowd)):
        ours, theirs = multiprocessing.Pipe()
        pipes.append(ours)
        processes.append(multiprocessing.Process(target=target, args=(theirs,), daemon=True))
        processes[-1].start()
        os.sched_setaffinity(processes[-1].pid, {core})
    endpoints = [pipe.recv() for pipe in pipes[:2]]
    with tempfile.TemporaryDirectory() as folder:
        router, front = start_router(folder, endpoints, options.workers)
        if options.unshared:
            # This process is the good client, and the first other one its endpoint.
            for pid in (0, processes[0].pid):
                os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
        try:
            measure(options, pipes[2], router, front, endpoints[1])
        finally:
            router.send_signal(signal.SIGKILL)
            router.wait()
            for process in processes:
                process.kill()


def measure(options, pipe, router, front, endpoint):
    good(front, 1)
    alone, beside, past, before, most = [], [], [], memory(router.pid), 0
    for _ in range(options.turns):
        alone.append(good(front, options.seconds))
        for port, turns in ((front, beside), (endpoint, past)):
            pipe.send((port, options.clients, options.in_step))
            if pipe.recv():
                raise SystemExit('some slow clients could not be there')
            turns.append(good(front, options.seconds))
            if port == front:
                most = max(most, memory(router.pid))
            pipe.send(None)
            if pipe.recv():
                raise SystemExit('some slow clients were cut within the turn')
            time.sleep(2)
    print(f'{options.clients} slow clients, {options.workers} worker(s), {options.turns} turns, medians over turns')
    quiet = report('the good client alone', alone)
    loud = report('beside the crowd', beside)
    report('beside a crowd past the router', past)
    print(f'p99 beside the crowd is {loud / quiet:.2f} times that without')
    after = memory(router.pid)
    print(f'memory: {before} KiB before, {most - before} KiB more with the crowd '
          f'({(most - before) / options.clients:.2f} KiB each), {after - before} KiB more afterwards')


if __name__ == '__main__':
    main()
