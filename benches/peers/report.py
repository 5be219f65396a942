#!/usr/bin/env python3
"""Turns the JSON files of a run into a Markdown table and an SVG plot: report.py RESULTS_DIRECTORY [PLOT]

The plot is plot.svg there, and the file PLOT too."""

import datetime
import json
import os
import platform
import re
import subprocess
import sys

# file -> (title, reference)
CASES = {
    "1k": ("1 KiB", "haproxy"),
    "log": ("1 KiB, access log on", "nginx-log"),
    "100k": ("100 KiB", "haproxy"),
    "1m": ("1 MiB", "haproxy"),
    "cohort": ("1 KiB, a candidate's clients counted", "rolling-router-compared"),
    "shadow": ("1 KiB, 5,000 requests/s, 10 % repeated at the candidate", "rolling-router-compared"),
    "tls": ("1 KiB in TLS 1.3", "haproxy-tls"),
    "h2": ("1 KiB by HTTP/2 in TLS 1.3, eight streams on each connection", "haproxy-h2"),
    "grpc": ("a unary call of gRPC, HTTP/2 on both sides", "haproxy-grpc"),
    "gzip": ("54 KiB of JSON, compressed by gzip", "nginx-gzip"),
    "handshake-mlkem": ("full TLS 1.3 handshake by X25519MLKEM768, P-256", "rolling-router-tls"),
    "handshake": ("full TLS 1.3 handshake, P-256", "haproxy-tls"),
}
IDLE = {
    "idle": "Memory per idle keep-alive connection",
    "idle-tls": "Memory per idle connection in TLS",
    "idle-h2": "Memory per connection of HTTP/2 without a stream",
    "idle-websocket": "Memory per idle WebSocket, both connections of it",
}
ORDER = ["floor", "rolling-router", "rolling-router-log", "rolling-router-combined", "rolling-router-tls", "haproxy", "nginx", "nginx-log", "envoy", "caddy", "pingora"]


def load(directory):
    found = {}
    for name in [*CASES, *IDLE, "syscalls"]:
        path = os.path.join(directory, f"{name}.json")
        if os.path.exists(path):
            with open(path) as source:
                found[name] = json.load(source)["summary"]
    return found


def ordered(names):
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def machine():
    model = "unknown CPU"
    with open("/proc/cpuinfo") as source:
        for line in source:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def versions():
    commands = {"nginx": ["nginx", "-v"], "HAProxy": ["haproxy", "-v"], "Caddy": ["caddy", "version"], "Envoy": ["envoy", "--version"]}
    out = []
    for name, command in commands.items():
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError:
            continue
        words = (done.stdout or done.stderr).replace("/", " ").split()
        number = next((word for word in words if re.match(r"v?\d+\.\d", word)), "of a version that it does not say")
        out.append(f"{name} {number}")
    return ", ".join(out + [revision()])


def revision():
    """Of which commit the router is, unless ROUTER names another binary."""
    if "ROUTER" in os.environ:
        return "rolling-router as ROUTER names it"
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(["git", "-C", here, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return f"rolling-router {done.stdout.strip() or 'of an unknown commit'}"


def table(found):
    lines = [f"Measured {datetime.date.today()} on {machine()}; {versions()}; one worker each, 64 keep-alive clients.", ""]
    for case, (title, reference) in CASES.items():
        rows = found.get(case, {})
        if not rows:
            continue
        lines += [f"**{title}**", "", f"| proxy | CPU per request | ratio to {reference} (quartiles) | p99 |", "|---|---|---|---|"]
        for name in ordered(rows):
            row = rows[name]
            if "failed" in row:
                lines.append(f"| {name} | failed: {row['failed']} | | |")
                continue
            p99 = f"{row['p99_us']:.0f} us" if "p99_us" in row else ""
            ratio = f"{row['ratio']:.2f} ({row['ratio_p25']:.2f} - {row['ratio_p75']:.2f})" if "ratio" in row else ""
            lines.append(f"| {name} | {row['cpu_us']:.1f} us | {ratio} | {p99} |")
        lines.append("")
    for case, title in IDLE.items():
        rows = found.get(case)
        if rows:
            lines += [f"**{title}**", "", "| proxy | bytes |", "|---|---|"]
            lines += [f"| {n} | {rows[n].get('bytes_per_conn', float('nan')):.0f} |" for n in ordered(rows)]
            lines.append("")
    if "syscalls" in found:
        lines += ["**System calls per request**", "", "| proxy | calls |", "|---|---|"]
        lines += [f"| {n} | {found['syscalls'][n].get('all', float('nan')):.2f} |" for n in ordered(found["syscalls"])]
        lines.append("")
    return "\n".join(lines)


def plot(found):
    """One group of bars per case: CPU per request relative to the case's reference."""
    bars = []
    for case, (title, reference) in CASES.items():
        rows = {n: r for n, r in found.get(case, {}).items() if "ratio" in r}
        if rows:
            bars.append((title, reference, [(n, rows[n]) for n in ordered(rows)]))
    height = 40 + sum(34 + 22 * len(rows) for _, _, rows in bars)
    longest = max((row["ratio"] for _, _, rows in bars for _, row in rows), default=1)
    scale = 420 / min(longest, 2.0)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" viewBox="0 0 720 {height}"'
        ' font-family="system-ui, sans-serif" font-size="13" role="img"'
        ' aria-label="CPU time per request relative to a reference, shorter is better">',
        '<rect width="720" height="100%" fill="#ffffff"/>',
        '<text x="16" y="24" font-weight="600">CPU time per request, relative; shorter is better</text>',
    ]
    y = 40
    for title, reference, rows in bars:
        out.append(f'<text x="16" y="{y + 16}" fill="#444444">{title} ({reference} = 1)</text>')
        y += 24
        for name, row in rows:
            width = min(row["ratio"], 2.0) * scale
            fill = "#1b7f4d" if name.startswith("rolling-router") else "#9aa5b1"
            out.append(f'<text x="150" y="{y + 14}" text-anchor="end">{name}</text>')
            out.append(f'<rect x="160" y="{y + 2}" width="{width:.1f}" height="16" rx="2" fill="{fill}"/>')
            low, high = (160 + min(row[key], 2.0) * scale for key in ("ratio_p25", "ratio_p75"))
            out.append(f'<path d="M{low:.1f} {y + 10}H{high:.1f}" stroke="#111111"/>')
            more = " and beyond" if row["ratio"] > 2 else ""
            out.append(f'<text x="{160 + width + 8:.1f}" y="{y + 14}">{row["ratio"]:.2f}{more}</text>')
            y += 22
        y += 10
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    directory = sys.argv[1]
    found = load(directory)
    text = table(found)
    with open(os.path.join(directory, "table.md"), "w") as out:
        out.write(text)
    for path in [os.path.join(directory, "plot.svg"), *sys.argv[2:3]]:
        with open(path, "w") as out:
            out.write(plot(found))
    print(text)


if __name__ == "__main__":
    main()
