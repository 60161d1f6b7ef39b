"""Decides whether a program is ready, and serves the kubelet's readiness probe.

A program is ready when it has completed, or when it listens on $PORT at an address that others can reach. A
program that has never listened is ready after SETTLE_SECONDS, unless it is known to serve ($SERVES). Once it
has listened, it is ready only while it listens. Nothing connects to the program to find out: a connection
every second would fill the logs of many servers with handshake errors.
"""

import socket
import socketserver
import sys
import threading
import time

from listening import all_listening_addresses, is_loopback, listening_addresses

# How long a program that does not listen must run to count as started. A server that takes longer to listen
# is treated as not serving until it listens, unless it is known to serve.
SETTLE_SECONDS = 5.0

# How long one probe request waits for a starting program, so that its readiness is reported at once and not
# at the next probe. Must stay below the probe's timeoutSeconds.
HOLD_SECONDS = 2.0
CHECK_INTERVAL_SECONDS = 0.02

# How many addresses are listed if the program listens elsewhere.
MAX_ADDRESSES = 5

STARTING = "starting"


class Readiness:
    """Shared state: `supervise` updates it, and the probe server reads it."""

    def __init__(self, port, probe_port=None, serves=False, clock=time.monotonic):
        self._port = port
        self._probe_port = probe_port
        self._serves = serves
        self._clock = clock
        self._started = clock()
        self._completed = False
        self._stopping = False
        self._warned = False
        self.serving = False

    def complete(self):
        self._completed = True

    def stop(self):
        self._stopping = True

    def check(self):
        """Returns (ready, reason)."""
        if self._stopping:
            return False, "stopping"
        if self._completed:
            return True, "completed"
        addresses = listening_addresses(self._port)
        if any(not is_loopback(address) for address in addresses):
            self.serving = True
            return True, f"serving on port {self._port}"
        if addresses:
            self._warn_unreachable()
            return False, "listens on the loopback address only"
        if self.serving:
            return False, f"no longer listens on port {self._port}"
        if self._clock() - self._started < SETTLE_SECONDS:
            return False, STARTING
        self._warn_unreachable()
        return (False, STARTING) if self._serves else (True, "running")

    def wait(self, seconds):
        """Returns the same, after waiting up to `seconds` for a starting program."""
        deadline = self._clock() + seconds
        while True:
            ready, reason = self.check()
            if reason != STARTING or self._clock() >= deadline:
                return ready, reason
            time.sleep(CHECK_INTERVAL_SECONDS)

    def _warn_unreachable(self):
        """
        Warns once if the program listens where no request can reach it: on loopback, or on another port.
        """
        unreachable = [] if self._warned else all_listening_addresses(except_port=self._probe_port)
        if not unreachable:
            return
        self._warned = True
        print(
            f"orchestration: the program listens on {', '.join(unreachable[:MAX_ADDRESSES])}, where no request reaches it:"
            " listen on 0.0.0.0:$PORT",
            file=sys.stderr,
            flush=True,
        )


class Probes(socketserver.ThreadingTCPServer):
    """
    The small part of HTTP that a probe needs. Importing http.server takes longer than many programs run.
    """

    daemon_threads = True

    def __init__(self, readiness, descriptor):
        self.readiness = readiness
        super().__init__(("", 0), ProbeHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=descriptor)

    def handle_error(self, request, client_address):
        """Ignores clients that disconnected before the response. Any other error is a bug and is reported."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class ProbeHandler(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self):
        request = self.rfile.readline(1024)
        while self.rfile.readline(8192).strip():
            pass
        if request.split()[:2] != [b"GET", b"/ready"]:
            self.answer("404 Not Found", "only GET /ready is answered here")
            return
        ready, reason = self.server.readiness.wait(HOLD_SECONDS)
        self.answer("200 OK" if ready else "503 Service Unavailable", reason)

    def answer(self, status, text):
        body = f"{text}\n"
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        self.wfile.write(f"{head}Connection: close\r\n\r\n{body}".encode())


def answer_probes(readiness, descriptor):
    """Answers GET /ready on a listening socket (probe_socket.py) with 200 or 503, on separate threads."""
    probes = Probes(readiness, descriptor)
    threading.Thread(target=probes.serve_forever, daemon=True).start()
