"""
Relays bytes between the stdin and stdout of a `kubectl exec` and the supervisor's socket, without
interpreting them. With --check (the pod's probe), it pings the supervisor and reports in its exit code
whether the supervisor answers.

Exit codes: 0 the conversation ended, 3 there is no supervisor, 4 the supervisor did not answer (--check).
"""

import ctypes
import os
import select
import socket
import struct
import sys

ADDRESS = "\0orchestration-app/test-pod"
# Only in pods whose programs do not see this folder.
SOCKET = "/supervisor/socket"
NO_SUPERVISOR = 3
NO_ANSWER = 4
CHECK_DEADLINE = 3
PR_SET_DUMPABLE = 4


def main() -> int:
    # Programs of the same uid must not be able to inspect this process (see supervisor/processes.py).
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        return NO_SUPERVISOR
    supervisor = connect()
    if supervisor is None:
        return NO_SUPERVISOR
    if sys.argv[1:] == ["--check"]:
        return check(supervisor)
    return carry(supervisor)


def connect() -> "socket.socket | None":
    """Connects to PID 1 only: if PID 1 were gone, a program could have taken the socket's name."""
    supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        supervisor.connect(SOCKET if os.path.isdir(os.path.dirname(SOCKET)) else ADDRESS)
    except OSError as error:
        print(f"no supervisor: {error}", file=sys.stderr)
        return None
    credentials = supervisor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid = struct.unpack("3i", credentials)[0]
    if pid != 1:
        print(f"no supervisor: its name is held by process {pid}", file=sys.stderr)
        return None
    return supervisor


def check(supervisor: socket.socket) -> int:
    supervisor.settimeout(CHECK_DEADLINE)
    try:
        supervisor.sendall(b'{"op":"ping"}\n')
        return 0 if supervisor.recv(64).startswith(b'{"type":"pong"}') else NO_ANSWER
    except OSError:
        return NO_ANSWER


def carry(supervisor: socket.socket) -> int:
    """Relays bytes until the supervisor closes the connection. Passes on the end of stdin."""
    sources = [0, supervisor]
    while True:
        for source in select.select(sources, [], [])[0]:
            if source is supervisor:
                data = supervisor.recv(65536)
                if not data:
                    return 0
                write_all(data)
            elif data := os.read(0, 65536):
                supervisor.sendall(data)
            else:
                sources.remove(0)
                supervisor.shutdown(socket.SHUT_WR)


def write_all(data: bytes) -> None:
    while data:
        data = data[os.write(1, data):]


sys.exit(main())
