#!/usr/bin/env python3
"""What open pages cost the router.

Starts the binary that packages have on a store in memory, with an app of two releases and a little traffic. Then so many pages are open as a browser
has them: each follows the stream of its app, reads all it is sent, and asks for the last quarter of an hour once a minute, each at
another time. What is told is the processor time of the router, as percent of a core: without pages, with them, and the difference.

  cargo build --profile dist
  benches/pages.py [--pages 50] [--seconds 60] [--requests 50] [--rounds 3]
"""
import argparse, http.server, json, os, selectors, signal, socket, statistics, subprocess, tempfile, threading, time

import binaries
from ports import free_port
from promote import KEYVALUES, await_ready

TOKEN = 'bench-token-0123456789abcdef'
TICK = os.sysconf('SC_CLK_TCK')
# What the charts of a page ask for, and how often (ui/web/past.js).
PAST, PAST_EVERY = '/api/v1/apps/bench/past?seconds=900', 60


class Endpoint(http.server.BaseHTTPRequestHandler):
    """A release's endpoint."""
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')

    def log_message(self, *_):
        pass


def ask(port, target):
    head = f'GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nAccept: application/json\r\n\r\n'
    connection = socket.create_connection(('127.0.0.1', port))
    connection.sendall(head.encode())
    return connection


class Pages:
    """Open pages, each a connection for its stream and one for what it asks for."""

    def __init__(self, port, count):
        self.port, self.over, self.bytes, self.reads = port, False, 0, 0
        self.streams = [ask(port, '/api/v1/apps/bench/stream') for _ in range(count)]
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def follow(self):
        selector = selectors.DefaultSelector()
        for stream in self.streams:
            selector.register(stream, selectors.EVENT_READ)
        spacing = PAST_EVERY / max(1, len(self.streams))
        due = time.monotonic() + spacing
        asked = None
        while not self.over:
            for key, _ in selector.select(0.2):
                got = key.fileobj.recv(1 << 16)
                if key.fileobj is not asked:
                    if not got:
                        raise SystemExit('a stream ended')
                    self.bytes, self.reads = self.bytes + len(got), self.reads + 1
            if time.monotonic() >= due:
                due += spacing
                if asked:
                    selector.unregister(asked)
                    asked.close()
                asked = ask(self.port, PAST)
                selector.register(asked, selectors.EVENT_READ)

    def close(self):
        self.over = True
        self.thread.join()
        for stream in self.streams:
            stream.close()


def traffic(port, rate, over):
    """So many requests a second of one client."""
    connection, due = socket.create_connection(('127.0.0.1', port)), time.monotonic()
    cookie = ''
    while not over.is_set():
        connection.sendall(f'GET / HTTP/1.1\r\nHost: bench.example\r\n{cookie}\r\n'.encode())
        head = connection.recv(1 << 16).decode()
        for line in head.split('\r\n'):
            if line.lower().startswith('set-cookie:') and not cookie:
                cookie = 'Cookie: ' + line.split(':', 1)[1].split(';')[0].strip() + '\r\n'
        due += 1 / rate
        time.sleep(max(0, due - time.monotonic()))


def share(process, seconds):
    """Percent of a core that a process uses over so many seconds."""
    def used():
        fields = open(f'/proc/{process.pid}/stat').read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK
    before, begun = used(), time.monotonic()
    time.sleep(seconds)
    return 100 * (used() - before) / (time.monotonic() - begun)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--pages', type=int, default=50)
    arguments.add_argument('--seconds', type=int, default=60)
    arguments.add_argument('--requests', type=int, default=50)
    arguments.add_argument('--rounds', type=int, default=3)
    options = arguments.parse_args()
    endpoints = [http.server.ThreadingHTTPServer(('127.0.0.1', 0), Endpoint) for _ in range(2)]
    for endpoint in endpoints:
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    keyvalues = dict(KEYVALUES, **{'rolling/bench/blendpercent': '50'})
    for endpoint, name in zip(endpoints, 'ab'):
        keyvalues[f'apps/bench-{name}-80/containers/1'] = f'127.0.0.1:{endpoint.server_port}'
    keyvalues['rolling/bench/candidate/id'] = 'apps/bench-b-80/containers'
    with tempfile.TemporaryDirectory() as folder:
        path = lambda name: os.path.join(folder, name)
        json.dump(keyvalues, open(path('keyvalues.json'), 'w'))
        open(path('tokens'), 'w').write(f'{TOKEN} bench admin\n')
        front, admin = free_port(), free_port()
        router = subprocess.Popen(
            [binaries.router(), 'serve', '--listen', f'127.0.0.1:{front}', '--admin', f'127.0.0.1:{admin}', '--store', 'memory',
             '--keyvalues', path('keyvalues.json'), '--app', 'bench', '--token-file', path('tokens'), '--access-log', 'off'],
            stdout=subprocess.DEVNULL, stderr=open(path('router.log'), 'w'))
        over = threading.Event()
        try:
            await_ready(admin, router)
            threading.Thread(target=traffic, args=(front, options.requests, over), daemon=True).start()
            time.sleep(15)
            added = []
            for _ in range(options.rounds):
                alone = share(router, options.seconds)
                pages = Pages(admin, options.pages)
                time.sleep(2)
                with_pages, reads, told = share(router, options.seconds), pages.reads, pages.bytes
                pages.close()
                added.append(with_pages - alone)
                each = options.pages * options.seconds
                print(f'{alone:5.2f} % of a core alone, {with_pages:5.2f} % with {options.pages} pages: {with_pages - alone:.2f} % more; '
                      f'{reads / each:.2f} reads and {told / each:.0f} bytes a page and second')
            print(f'{options.pages} open pages: {statistics.median(added):.2f} % of a core')
        finally:
            over.set()
            router.send_signal(signal.SIGTERM)
            router.wait()


if __name__ == '__main__':
    main()
