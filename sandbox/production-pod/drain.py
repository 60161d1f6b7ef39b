"""How long a serving program keeps running after it was asked to stop.

Its pod gets no new requests once all nodes have learned that it is stopping. Requests in progress may finish.
"""

import time

from listening import has_connections

# How long nodes take to stop routing new requests to the pod.
ROUTES_SECONDS = 2.0

# The longest wait for requests and for connections that are kept open. Together with STOP_SECONDS of
# entry.py, it must stay below terminationGracePeriodSeconds of
# infrastructure/kubernetes/production/program/podTemplate.ts.
DRAIN_SECONDS = 25.0


class Drain:
    """The drain of a program. It begins when this object is created."""

    def __init__(self, port, clock=time.monotonic):
        self._port = port
        self._clock = clock
        self._begun = clock()

    def is_over(self):
        seconds = self._clock() - self._begun
        if seconds < ROUTES_SECONDS:
            return False
        return seconds >= DRAIN_SECONDS or not has_connections(self._port)
