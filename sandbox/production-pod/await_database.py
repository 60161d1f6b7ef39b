"""Waits for the user's database before a program starts.

A pod that has just started is not let into the database at once: until network policies know its address, the
cluster refuses its connections, although the database is ready.
"""

import os
import signal
import socket
import time

# Network policies of a busy cluster take a second or two. A database that is down may take longer to return: then
# the program starts without it.
WAIT_SECONDS = 10.0

# The same for a new database, which starts together with its first program: as long as the platform waits for it.
STARTING_SECONDS = 240.0

PAUSE_SECONDS = 0.05

# How long one attempt to connect may take. A cluster drops the packets of a pod that it does not let in yet, and the
# kernel repeats a lost packet only after a second: at first, new attempts notice sooner that it does.
EAGER_CONNECT_SECONDS = 0.1
EAGER_SECONDS = 3.0
CONNECT_SECONDS = 1.0


def await_database(stop_signals):
    """Returns how long the database could not be reached, in seconds, if it cannot be reached now; else None.

    PGHOST and PGPORT name it; without them there is none. With DATABASE_STARTS it is a new one. A pending stop signal
    ends the wait.
    """
    host = os.environ.get("PGHOST")
    port = os.environ.get("PGPORT", "")
    if not host or not port.isdecimal():
        return None
    limit = STARTING_SECONDS if os.environ.get("DATABASE_STARTS") == "1" else WAIT_SECONDS
    started = time.monotonic()
    waited = 0.0
    while not can_connect(host, int(port), EAGER_CONNECT_SECONDS if waited < EAGER_SECONDS else CONNECT_SECONDS):
        waited = time.monotonic() - started
        if waited > limit or signal.sigpending() & stop_signals:
            return waited
        time.sleep(PAUSE_SECONDS)
    return None


def can_connect(host, port, seconds):
    try:
        # PostgreSQL does not log a connection that sends nothing.
        socket.create_connection((host, port), seconds).close()
    except OSError:
        return False
    return True
