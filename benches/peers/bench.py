#!/usr/bin/env python3
"""Interleaved benchmark: CPU time per request of several proxies on a small, noisy machine.

All contenders are up at once, each on its own port; idle ones cost nothing. Round after round `lg` drives each of them
for a short window, in random order. Slow phases of the machine thus hit all of them alike, and the verdict is the
median of the per-round ratio to the reference.

  bench.py --contenders haproxy,nginx,floor,rolling-router --reference haproxy --size 1024 --json out.json
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

from contenders import COOKIE, ENDPOINTS, Contender, binaries, claim, make_certificate, present, raise_file_limit

# mode -> what tlslg is told
TLS = {
    "tls": "req", "handshake": "hs", "handshake-mlkem": "hs-mlkem", "idle-tls": "idle", "h2": "h2", "grpc": "grpc", "idle-h2": "idle-h2",
}
IDLE = ("idle", "idle-tls", "idle-websocket", "idle-h2")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--contenders", default="haproxy,nginx,floor,rolling-router")
    add("--also", action="append", default=[], help="name=command with {port} and {workers}; repeatable")
    add("--reference", default="haproxy")
    add("--mode", choices=["load", *TLS, "idle", "idle-websocket"], default="load")
    add("--workers", type=int, default=1)
    add("--rounds", type=int, default=6, help="windows per contender and restart")
    add("--restarts", type=int, default=3, help="fresh processes: memory layout alone is worth up to 10 %%")
    add("--duration", type=float, default=0.6, help="length of a window, s")
    add("--warm", type=float, default=0.2, help="time before it, s")
    add("--conns", type=int, default=64)
    add("--size", type=int, default=1024, help="bytes of a response's body")
    add("--req-body", type=int, default=0)
    add("--chunked", default="0")
    add("--json-body", default="0", help="1: responses are JSON that compresses, and clients take it by gzip")
    add("--rate", type=float, default=0, help="requests per second; 0 is as many as are answered")
    add("--proxy-cpu", default="0", help="'none' pins nothing")
    add("--lg-cpu", default="1", help="'none' pins nothing")
    add("--spin", default="1", help="0 lets the load generator sleep, and the proxy pay for waking it")
    add("--max-steal", type=float, default=0.02, help="share of stolen CPU above which a window is repeated")
    add("--base-port", type=int, default=0, help="0 takes a block of ports that are free")
    add("--work", default=os.path.join(tempfile.gettempdir(), "rolling-router-bench"))
    add("--json", help="where every window goes")
    return parser.parse_args()


class Bench:
    def __init__(self, options):
        self.options = options
        self.files = raise_file_limit()
        self.windows = {}
        named = [name for name in options.contenders.split(",") if name]
        self.specs = [spec for spec in named if present(spec)] + options.also
        os.makedirs(options.work, exist_ok=True)
        self.base_port = claim(options.base_port, len(self.specs))
        self.endpoints = None
        if options.mode in TLS:
            make_certificate(options.work)

    def run(self):
        idle = self.options.mode in IDLE
        for restart in range(self.options.rounds if idle else self.options.restarts):
            running = self.start_all()
            try:
                if self.options.mode in TLS:
                    self.start_endpoints()
                time.sleep(1.0)
                if idle:
                    self.round(running, restart)
                    continue
                for contender in running:
                    self.window(contender)  # discarded: pages come in, pools fill
                for number in range(self.options.rounds):
                    self.round(running, restart * self.options.rounds + number)
            finally:
                for contender in running:
                    contender.stop()
                self.stop_endpoints()
        return self.windows

    def pinned(self):
        return [] if self.options.lg_cpu == "none" else ["taskset", "-c", self.options.lg_cpu]

    def start_endpoints(self):
        """tlslg has none of its own."""
        lg = [binaries.tool("lg"), "--mode", "endpoints", "--duration", "86400"]
        if self.options.mode == "grpc":
            lg = [binaries.tool("tlslg"), "0", "endpoints", "0", "0", ",".join(map(str, ENDPOINTS))]
        self.endpoints = subprocess.Popen(self.pinned() + lg, stdin=subprocess.DEVNULL)

    def stop_endpoints(self):
        if self.endpoints:
            self.endpoints.terminate()
            self.endpoints.wait()
            self.endpoints = None

    def start_all(self):
        o = self.options
        running = []
        for at, spec in enumerate(self.specs):
            contender = Contender(spec, self.base_port + at, o.workers, o.work, o.proxy_cpu, self.files)
            self.windows.setdefault(contender.name, [])
            if contender.up:
                running.append(contender)
            else:
                print(f"{contender.name} did not start, see {contender.log}", file=sys.stderr)
                contender.stop()
        return running

    def round(self, running, number):
        order = running[:]
        random.Random(number).shuffle(order)
        for contender in order:
            window = self.window(contender)
            if window.get("bad") or window.get("steal", 0) > self.options.max_steal:
                window = self.window(contender)
            self.windows[contender.name].append(window | {"round": number})

    def window(self, contender):
        o = self.options
        if o.mode in TLS:
            seconds = o.warm if o.mode in IDLE else o.duration
            words = [contender.port, TLS[o.mode], o.conns, seconds, contender.pids()]
            return self.measured([binaries.tool("tlslg"), *map(str, words)])
        flags = {
            "proxy": f"127.0.0.1:{contender.port}", "pids": contender.pids(), "mode": "load" if o.mode == "load" else "idle",
            "websocket": int(o.mode == "idle-websocket"), "conns": o.conns,
            "size": o.size, "req-body": o.req_body, "chunked": o.chunked, "json": o.json_body, "duration": o.duration, "warm": o.warm,
            "rate": o.rate, "cookie": COOKIE, "spin": o.spin,
        }
        command = [binaries.tool("lg")]
        for name, value in flags.items():
            command += [f"--{name}", str(value)]
        return self.measured(command)

    def measured(self, command):
        """The last line of what the load generator prints."""
        patience = self.options.duration + self.options.warm + 150
        done = subprocess.run(self.pinned() + command, capture_output=True, text=True, timeout=patience)
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError):
            return {"bad": -1, "why": (done.stderr or "no output").strip()[-200:]}


def quartiles(values):
    values = sorted(values)
    at = lambda share: values[min(len(values) - 1, int(share * len(values)))]
    return at(0.25), statistics.median(values), at(0.75)


def ratio_of(key, name, rounds, reference):
    """The quartiles of what a figure is to the reference's in the same round."""
    both = [(window[key], reference[number][key]) for number, window in rounds.items() if key in window and reference.get(number, {}).get(key)]
    if not both:
        return {}
    return dict(zip((f"{name}_p25", name, f"{name}_p75"), quartiles([ours / theirs for ours, theirs in both])))


def summarise(windows, reference):
    """Per contender: medians over its good windows, and the ratio to the reference within each round."""
    good = {name: {w["round"]: w for w in all_of if w.get("bad") == 0} for name, all_of in windows.items()}
    out = {}
    for name, rounds in good.items():
        if not rounds:
            why = windows[name][-1].get("why", "") if windows[name] else "not started"
            out[name] = {"failed": why}
            continue
        first = next(iter(rounds.values()))
        numeric = [key for key, value in first.items() if isinstance(value, (int, float)) and key != "round"]
        row = {key: statistics.median(w[key] for w in rounds.values()) for key in numeric}
        row |= {"windows": len(rounds), "mispin": sum(w.get("mispin", 0) for w in rounds.values())}
        if "cpu_us" in first:
            row["best_us"] = min(w["cpu_us"] for w in rounds.values())
            row |= ratio_of("cpu_us", "ratio", rounds, good.get(reference, {}))
            row |= ratio_of("p99_us", "p99_ratio", rounds, good.get(reference, {}))
        out[name] = row
    return out


def show(summary, mode):
    for name, row in summary.items():
        if "failed" in row:
            print(f"{name:20s} FAILED {row['failed']}")
        elif mode in IDLE:
            print(f"{name:20s} {row['bytes_per_conn']:8.0f} bytes per connection, {row['rss_after_kb']:.0f} kB resident")
        else:
            ratio = f"{row['ratio']:.3f} [{row['ratio_p25']:.3f}..{row['ratio_p75']:.3f}]" if "ratio" in row else "-"
            if "p99_us" not in row:
                print(f"{name:20s} {row['cpu_us']:8.2f} us (best {row['best_us']:.2f})  {row['rps']:7.0f}/s  ratio {ratio}")
                continue
            size = f", {row['body_bytes']:.0f} bytes on the wire" if row.get("body_bytes") else ""
            print(
                f"{name:20s} {row['cpu_us']:8.2f} us (best {row['best_us']:.2f}, user {row['user_us']:.2f}, system"
                f" {row['sys_us']:.2f})  {row['rps']:7.0f}/s  p99 {row['p99_us']:6.0f} us"
                f" ({row.get('p99_ratio', 1):.2f} of the reference's)  ratio {ratio}"
                f"  {row['windows']} windows, {row['mispin']:.0f} mispinned{size}"
            )


def main():
    options = arguments()
    windows = Bench(options).run()
    summary = summarise(windows, options.reference)
    if options.json:
        with open(options.json, "w") as out:
            json.dump({"options": vars(options), "summary": summary, "windows": windows}, out, indent=1)
    show(summary, options.mode)


if __name__ == "__main__":
    main()
