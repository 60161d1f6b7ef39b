"""Listens for readiness probes before anything else is loaded.

Kubernetes probes a container at once when it runs. A probe that is refused is repeated a second later. One that
connects waits until readiness.py answers it, so the program is reported ready as soon as it is.
"""

# Not `socket`: its imports take longer than the first probe takes to arrive.
from _socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket

BACKLOG = 16


def listen(port):
    """Returns the file descriptor of a socket that listens on the port. Programs do not inherit it."""
    listening = socket(AF_INET, SOCK_STREAM)
    listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    listening.bind(("", port))
    listening.listen(BACKLOG)
    return listening.detach()
