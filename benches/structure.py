#!/usr/bin/env python3
"""How the code is built up, in figures: one column for each checkout or git revision that is named.

  benches/structure.py                      this checkout
  benches/structure.py c8e0744 .            before and after
  benches/structure.py --time c8e0744 .     also the seconds of a release build and of tests/run, each from nothing, by
                                            running them: half an hour and more for each column, on a quiet machine
  benches/structure.py --arrows             also every arrow that runs back up, and every file in a circle

Files and functions are those of Rust outside tests. Arrows are `use` lines outside tests, from a file to the file that
declares what they name. Layers are the rooms of `src/proxy` and `src/control`, the lowest first; a file that lies in no
room yet is counted in the room that it later moved to.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# The rooms, the lowest first. Rooms in one row stand beside each other.
LAYERS = {
    "src/proxy": [("codec",), ("worker",), ("rewrite",), ("route",), ("downstream",), ("forward",), ("front", "fuzz")],
    "src/control": [("shared", "limits"), ("commands",), ("sync",), ("fleet", "hooks"), ("api",), ("admin",)],
}
# Where the files of a room lay before there were rooms; the longest beginning counts.
BEFORE_ROOMS = {
    "src/proxy": {
        "codec": "http1 frames head",
        "worker": "buffers coarse watch view memory misses worker queue",
        "rewrite": "headers respond http1/cookie",
        "route": "identity route preview",
        "downstream": "http1/connection downstream stream",
        "forward": "record exchange failure forward room shield skew",
        "front": "accept admin front tls http1/fuzz",
    },
    "src/control": {
        "shared": "auth core error settlement state_dir stopping store sync/pinkeys sync/status sync/view fleet/member"
        " fleet/roster hooks/board hooks/event hooks/hook hooks/message hooks/secret hooks/sent hooks/text limits",
        "commands": "foresight events",
        "api": "kv stream",
        "admin": "asset auth/guard gui listener metrics track_hosts",
    },
}


def blank(text):
    """The source with comments, strings and character literals blanked out, line breaks kept."""
    literal = re.compile(
        r"//[^\n]*|/\*.*?\*/|\bb?r(#*)\".*?\"\1|b?\"(?:\\.|[^\"\\])*\"|'(?:\\[^']*|[^'\\])'", re.S
    )
    return literal.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def closing(code, at):
    """Behind the block whose brace is the first from here on."""
    depth = 0
    for brace in re.finditer(r"[{}]", code[at:]):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return at + brace.end()
    return len(code)


def without_tests(code):
    while found := re.search(r"#\[cfg\(test\)\]", code):
        end = re.compile(r"[{;]").search(code, found.end())
        if not end:
            break
        until = closing(code, end.start()) if end.group() == "{" else end.end()
        code = code[: found.start()] + re.sub(r"[^\n]", " ", code[found.start() : until]) + code[until:]
    return code


def home(path):
    """The folder in which the modules lie that a file declares."""
    folder, name = os.path.split(path)
    return folder if name in ("mod.rs", "lib.rs", "main.rs") else path[:-3]


def sources(root, folder):
    """Path -> code outside tests."""
    found = {}
    for here, folders, names in os.walk(os.path.join(root, folder)):
        folders[:] = [name for name in folders if name != "target"]
        for name in names:
            if name.endswith(".rs"):
                path = os.path.join(here, name)
                with open(path) as file:
                    found[os.path.relpath(path, root)] = blank(file.read())
    only_tests = [
        os.path.join(home(path), name)
        for path, code in found.items()
        for name in re.findall(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))? )?mod (\w+);", code)
    ]
    return {
        path: without_tests(code)
        for path, code in found.items()
        if not any(path.startswith(module) for module in only_tests)
    }


def functions(code):
    """Lines of each function that has a body."""
    lengths = []
    for found in re.finditer(r"\bfn \w+", code):
        end = re.compile(r"[{;]").search(code, found.end())
        if end and end.group() == "{":
            lengths.append(code.count("\n", found.start(), closing(code, end.start())) + 1)
    return lengths


def expand(before, tree):
    """The paths of a `use` line's tree."""
    tree = tree.strip()
    if not tree:
        return  # behind the last comma
    if tree.startswith("{"):
        inner, depth, branch = tree[1:].removesuffix("}"), 0, ""
        for char in inner + ",":
            depth += (char == "{") - (char == "}")
            if char == "," and depth == 0:
                yield from expand(before, branch)
                branch = ""
            else:
                branch += char
        return
    name = re.match(r"\w*", tree).group()
    path = before if not name or (name == "self" and before) else [*before, name]
    rest = tree[len(name) :].lstrip()
    if rest.startswith("::"):
        yield from expand(path, rest[2:])
    elif path:
        yield path


def arrows(folder, files):
    """(file, file) for each `use` line that leads from one to another."""
    module = lambda path: ["crate"] + [
        name for name in path[len(folder) : -3].split("/") if name not in ("", "lib", "mod")
    ]
    declared = {tuple(module(path)): path for path in files if path != f"{folder}/main.rs"}
    found = set()
    for here, path in declared.items():
        code = files[path]
        inner = [(m.start(), closing(code, m.start()), m.group(1)) for m in re.finditer(r"\bmod (\w+)\s*\{", code)]
        for line in re.finditer(r"\buse ([^;]+);", code):
            around = list(here) + [name for start, end, name in inner if start <= line.start() < end]
            for named in expand([], line.group(1)):
                base, rest = list(around), list(named)
                if rest[0] == "crate":
                    base = []
                elif rest[0] == "self":
                    rest = rest[1:]
                elif rest[0] == "super":
                    while rest and rest[0] == "super":
                        base, rest = base[:-1], rest[1:]
                elif tuple([*base, rest[0]]) not in declared:
                    continue
                absolute = base + rest
                lengths = range(len(absolute), 0, -1)
                to = next((declared[tuple(absolute[:n])] for n in lengths if tuple(absolute[:n]) in declared), path)
                if to != path:
                    found.add((path, to))
    return found


def circles(pairs):
    """Files that reach each other, grouped; the largest first."""
    following = {}
    for start, end in pairs:
        following.setdefault(start, set()).add(end)

    def reach(start):
        seen, ahead = set(), list(following[start])
        while ahead:
            file = ahead.pop()
            if file not in seen:
                seen.add(file)
                ahead += following.get(file, ())
        return seen

    reached = {start: reach(start) for start in following}
    groups = {
        frozenset(other for other in ends if start in reached.get(other, ()))
        for start, ends in reached.items()
        if start in ends
    }
    return sorted(groups, key=len, reverse=True)


def layer(wing, path):
    """The height of a file's room; what lies in no room is the top."""
    inside = path[len(wing) + 1 :].removesuffix(".rs")
    heights = {room: height for height, rooms in enumerate(LAYERS[wing]) for room in rooms}
    beginnings = {room: room for room in heights}
    # A file of today lies in a room by its path alone.
    if not os.path.isdir(os.path.join(layer.root, wing, LAYERS[wing][0][0])):
        for room, names in BEFORE_ROOMS[wing].items():
            beginnings |= {name: room for name in names.split()}
    fitting = [name for name in beginnings if inside == name or inside.startswith(name + "/")]
    return heights[beginnings[max(fitting, key=len)]] if fitting else len(heights)


def back_up(wing, pairs):
    """Arrows inside a wing that lead from a lower room to a higher one."""
    inside = [(start, end) for start, end in pairs if start.startswith(wing + "/") and end.startswith(wing + "/")]
    return sorted((start, end) for start, end in inside if layer(wing, start) < layer(wing, end))


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def spread(values):
    return f"{statistics.median(values):.0f} / {percentile(values, 0.9)} / {max(values)}"


def seconds(root, command):
    """How long a command takes whose builds begin with nothing but fetched crates."""
    subprocess.run(["cargo", "fetch", "--locked"], cwd=root, check=True)
    with tempfile.TemporaryDirectory() as target:
        begun = time.monotonic()
        done = subprocess.run(command, cwd=root, env=os.environ | {"CARGO_TARGET_DIR": target}, stdout=sys.stderr)
        taken = f"{time.monotonic() - begun:.0f} s"
    return taken if done.returncode == 0 else f"failed after {taken}"


def measure(root, options):
    layer.root = root
    crates = {folder: sources(root, folder) for folder in ("src", "keyvalues/src")}
    files = crates["src"] | crates["keyvalues/src"]
    pairs = {pair for folder, found in crates.items() for pair in arrows(folder, found)}
    rings = circles(pairs)
    up = {wing: back_up(wing, pairs) for wing in LAYERS}
    lengths = [n for code in files.values() for n in functions(code)]
    lines = {path: sum(1 for _ in open(os.path.join(root, path))) for path in files}
    row = {
        "functions": len(lengths),
        "lines of a function: p50 / p90 / max": spread(lengths),
        "files": len(files),
        "lines of a file: p50 / p90 / max": spread(lines.values()),
        "files in the largest circle": max(map(len, rings), default=0),
        "files in circles": sum(map(len, rings)),
        "arrows back up inside `proxy`": len(up["src/proxy"]),
        "arrows back up inside `control`": len(up["src/control"]),
        "bytes of README.md": os.path.getsize(os.path.join(root, "README.md")),
    }
    if options.arrows:
        for start, end in [pair for wing in up.values() for pair in wing]:
            print(f"back up: {start} imports {end}")
        for ring in rings:
            print("circle:", *sorted(ring))
    if options.time:
        row["release build from nothing"] = seconds(root, ["cargo", "build", "--release", "--locked"])
        row["`tests/run` from nothing"] = seconds(root, ["tests/run"])
    return row


def measured(what, options):
    """A folder as it stands, or a revision of this repository in a folder of its own."""
    if os.path.isdir(what):
        return measure(os.path.abspath(what), options)
    git = ["git", "-C", ROOT]
    with tempfile.TemporaryDirectory() as folder:
        tree = os.path.join(folder, "tree")
        subprocess.run([*git, "worktree", "add", "--quiet", "--detach", tree, what], check=True)
        try:
            return measure(tree, options)
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", tree], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", action="store_true", help="also build, and run the tests")
    parser.add_argument("--arrows", action="store_true", help="also name what is counted")
    parser.add_argument("what", nargs="*", help="checkouts or git revisions")
    options = parser.parse_args()
    columns = {what: measured(what, options) for what in options.what or [ROOT]}
    print("| | " + " | ".join(os.path.basename(os.path.abspath(w)) if os.path.isdir(w) else w for w in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name in next(iter(columns.values())):
        print(f"| {name} | " + " | ".join(str(row[name]) for row in columns.values()) + " |")


if __name__ == "__main__":
    main()
