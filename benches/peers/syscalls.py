#!/usr/bin/env python3
"""System calls per proxied request, counted by kernel tracepoints: strace would slow the proxy and undo its batching.

  syscalls.py --contenders haproxy,nginx,rolling-router --json out.json
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

from contenders import COOKIE, Contender, binaries, claim, present, raise_file_limit

NAMES = (
    "epoll_wait epoll_pwait epoll_pwait2 recvfrom sendto read write readv writev recvmsg sendmsg epoll_ctl futex"
    " getsockopt setsockopt io_uring_enter timerfd_settime nanosleep clock_nanosleep"
).split()
TRACING = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")


def known(name):
    return any(os.path.isdir(f"{base}/events/syscalls/sys_enter_{name}") for base in TRACING)


def count(contender, seconds):
    """Runs one window under `perf stat`; calls per request by name, and requests per second."""
    events = [f"syscalls:sys_enter_{name}" for name in NAMES if known(name)] + ["raw_syscalls:sys_enter"]
    pids = contender.pids()
    load = [binaries.tool("lg"), "--proxy", f"127.0.0.1:{contender.port}", "--pids", pids]
    load += ["--duration", str(seconds), "--warm", "0.3", "--cookie", COOKIE]
    perf = ["perf", "stat", "-x,", "-e", ",".join(events), "-p", pids, "taskset", "-c", "1"]
    done = subprocess.run(perf + load, capture_output=True, text=True, timeout=seconds + 120)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        return {"failed": done.stderr.strip()[-200:]}
    report = json.loads(lines[-1])
    row = {"rps": report["rps"]}
    for line in done.stderr.splitlines():
        fields = line.split(",")
        if len(fields) > 3 and fields[0].isdigit():
            name = fields[2].split("sys_enter")[-1].lstrip("_") or "all"
            row[name] = int(fields[0]) / max(report["total"], 1)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contenders", default="haproxy,nginx,nginx-log,floor,rolling-router,rolling-router-log")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "rolling-router-bench"))
    parser.add_argument("--json")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    files, rows = raise_file_limit(), {}
    specs = [spec for spec in options.contenders.split(",") if present(spec)]
    base = claim(0, len(specs))
    for at, spec in enumerate(specs):
        contender = Contender(spec, base + at, 1, options.work, "0", files)
        try:
            time.sleep(1.0)
            row = count(contender, options.seconds) if contender.up else {"failed": "did not start"}
        finally:
            contender.stop()
        rows[contender.name] = row
        parts = sorted(((v, k) for k, v in row.items() if isinstance(v, float) and k not in ("rps", "all")), reverse=True)
        detail = " ".join(f"{name}={value:.2f}" for value, name in parts if value >= 0.005)
        print(f"{contender.name:20s} {row.get('all', float('nan')):5.2f} per request   {detail or row.get('failed')}", flush=True)
    if options.json:
        with open(options.json, "w") as out:
            json.dump({"summary": rows}, out, indent=1)


if __name__ == "__main__":
    main()
