#!/usr/bin/env python3
"""How long a promote takes while the router is saturated.

Starts the binary that packages have on an embedded store with two releases, keeps it saturated with the load generator of
benches/peers, and alternates `set candidate` and `promote` through the API. Two figures, each with p50 and p99:

  request to answer    from sending the promote to its answer, which says that this router serves the result
  commit to worker     from the store's acknowledgement to each worker's first request routed by the new table
                       (the router's own histogram, rolling_publish_lag_seconds)

  cargo build --profile dist && (cd benches/peers && cargo build --release)
  benches/promote.py [--count 1000] [--workers 1] [--store embedded|memory]
"""
import argparse, contextlib, http.client, json, os, re, signal, statistics, subprocess, tempfile, time

import binaries
from ports import free_port

RELEASES = {'a': 'apps/bench-a-80/containers', 'b': 'apps/bench-b-80/containers'}
KEYVALUES = {
    'rolling/null': '-',
    'rolling/bench/stable/id': RELEASES['a'],
    'rolling/bench/candidate/id': 'rolling/null',
    'rolling/bench/blendpercent': '0',
    'rolling/bench/stickyness': '1',
    RELEASES['a'] + '/1': '127.0.0.1:19001',
    RELEASES['b'] + '/1': '127.0.0.1:19002',
}


class Api:
    """One kept connection to the admin port."""

    def __init__(self, port, token):
        self.connection, self.token = http.client.HTTPConnection('127.0.0.1', port, timeout=30), token

    def call(self, method, path, body=None):
        headers = {'Authorization': f'Bearer {self.token}', 'Content-Type': 'application/json'}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise SystemExit(f'{method} {path}: {answer.status} {text}')
        return text


def await_ready(port, process):
    for _ in range(500):
        if process.poll() is not None:
            raise SystemExit(f'the router ended with {process.returncode}')
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection('127.0.0.1', port, timeout=1)
            connection.request('GET', '/readyz')
            if connection.getresponse().status == 200:
                return
        time.sleep(0.02)
    raise SystemExit('the router is not ready after 10 s')


def histogram(api):
    """le (seconds) -> cumulative count of rolling_publish_lag_seconds."""
    pattern = r'^rolling_publish_lag_seconds_bucket\{.*?le="([^"]+)"\} (\d+)'
    return {float(le): int(count) for le, count in re.findall(pattern, api.call('GET', '/metrics'), re.M)}


def bucket_quantile(before, after, quantile):
    counts = {le: after[le] - before.get(le, 0) for le in sorted(after)}
    total = counts[float('inf')]
    return next((le for le, count in counts.items() if count >= quantile * total), float('nan')), total


def measure(api, count):
    """Seconds from request to answer, of `count` promotes."""
    taken = []
    for turn in range(count):
        candidate = 'b' if turn % 2 == 0 else 'a'
        api.call('PUT', '/api/v1/apps/bench/candidate', {'id': RELEASES[candidate], 'blend': 50})
        begun = time.perf_counter()
        api.call('POST', '/api/v1/apps/bench/promote', {'release': candidate})
        taken.append(time.perf_counter() - begun)
    return sorted(taken)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--count', type=int, default=1000)
    arguments.add_argument('--workers', type=int, default=1)
    arguments.add_argument('--conns', type=int, default=64)
    arguments.add_argument('--store', choices=['embedded', 'memory'], default='embedded')
    options = arguments.parse_args()
    router_binary, load_binary = binaries.router(), binaries.tool('lg')
    with tempfile.TemporaryDirectory() as folder:
        path = lambda name: os.path.join(folder, name)
        with open(path('keyvalues.json'), 'w') as file:
            json.dump(KEYVALUES, file)
        with open(path('tokens'), 'w') as file:
            file.write('bench-token-0123456789abcdef bench admin\n')
        front, admin = free_port(), free_port()
        store = 'memory' if options.store == 'memory' else 'embedded:' + path('store.redb')
        router = subprocess.Popen(
            [router_binary, 'serve', '--listen', f'127.0.0.1:{front}', '--admin', f'127.0.0.1:{admin}', '--store', store,
             '--keyvalues', path('keyvalues.json'), '--app', 'bench', '--token-file', path('tokens'),
             '--state', path('state'), '--workers', str(options.workers), '--access-log', 'off'],
            stdout=subprocess.DEVNULL, stderr=open(path('router.log'), 'w'))
        load = None
        try:
            await_ready(admin, router)
            load = subprocess.Popen(
                [load_binary, '--proxy', f'127.0.0.1:{front}', '--pids', str(router.pid), '--conns', str(options.conns),
                 '--duration', '600', '--warm', '0.2', '--cookie', 'rolling_pin', '--spin', '0'],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            api = Api(admin, 'bench-token-0123456789abcdef')
            time.sleep(1)
            measure(api, 20)
            before = histogram(api)
            taken = measure(api, options.count)
            after = histogram(api)
        finally:
            for process in filter(None, (load, router)):
                process.send_signal(signal.SIGTERM)
            for process in filter(None, (load, router)):
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
    at = lambda quantile: taken[min(len(taken) - 1, int(quantile * len(taken)))] * 1000
    print(f'store {options.store}, {options.workers} worker(s), {options.conns} saturating clients, {options.count} promotes')
    print(f'request to answer   p50 {statistics.median(taken) * 1000:.2f} ms   p99 {at(0.99):.2f} ms   max {taken[-1] * 1000:.2f} ms')
    for quantile in (0.5, 0.99):
        bound, total = bucket_quantile(before, after, quantile)
        print(f'commit to worker    p{quantile * 100:.0f} <= {bound * 1000:.3f} ms   ({total} adoptions)')


if __name__ == '__main__':
    main()
