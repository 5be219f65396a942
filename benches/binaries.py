"""What the scripts of this folder run, and what to build when it is not there."""

import os

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TOOLS = os.path.join(HERE, "peers", "target", "release")


def built(path, command):
    """The path, or an end that says how to build what belongs there."""
    if not os.access(path, os.X_OK):
        raise SystemExit(f"{os.path.relpath(path)} is not there; build it first: {command}")
    return path


def router():
    """The router as packages have it, or the binary that the variable ROUTER names."""
    named = os.environ.get("ROUTER")
    if named:
        return built(named, "ROUTER is to name a binary of rolling-router")
    return built(os.path.join(ROOT, "target", "dist", "rolling-router"), f"(cd {ROOT} && cargo build --profile dist)")


def tool(name):
    """A load generator, `lg` or `tlslg`, or the floor, `raw`."""
    return built(os.path.join(TOOLS, name), f"(cd {os.path.join(HERE, 'peers')} && cargo build --release)")
