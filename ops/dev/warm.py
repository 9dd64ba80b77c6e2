"""Runs in the agent's own interpreter: `python warm.py AGENT MODULE...`. Nothing of ops is there to be imported.

It imports what no edit changes and waits. Told a port, it imports the agent and serves it: a start takes a quarter of
what it takes from nothing, and nothing of an earlier version can be left in it. It ends with whoever started it.
"""

import contextlib
import importlib
import os
import runpy
import signal
import sys
import threading


def main() -> None:
    agent, *modules = sys.argv[1:]
    for module in modules:
        # What can't be imported is for the agent itself to stumble over, where it is reported.
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    port = sys.stdin.readline().strip()
    if not port:
        return
    os.environ["PORT"] = port
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv = ["agent_runtime", agent]
    runpy.run_module("agent_runtime", run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    """Standard input ends when the other side does, however it came to its end."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
