"""Ports for what a script starts."""

import contextlib, socket


def free_port():
    """A port of loopback that nobody has at this moment."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
