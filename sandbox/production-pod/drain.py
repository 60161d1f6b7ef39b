"""How long a program that serves goes on after it was asked to stop.

Its pod gets no new requests by then, but for as long as nodes take to hear of that; those that it has may finish.
"""

import time

from listening import has_connections

# Until every node has heard that the pod takes no more requests.
ROUTES_SECONDS = 2.0

# The longest that requests, and connections that are kept open, are waited for. With STOP_SECONDS of entry.py it must
# stay below terminationGracePeriodSeconds of infrastructure/kubernetes/production/production/program/program/podTemplate.ts.
DRAIN_SECONDS = 25.0


class Drain:
    """Begins when it is made."""

    def __init__(self, port, clock=time.monotonic):
        self._port = port
        self._clock = clock
        self._begun = clock()

    def is_over(self):
        seconds = self._clock() - self._begun
        if seconds < ROUTES_SECONDS:
            return False
        return seconds >= DRAIN_SECONDS or not has_connections(self._port)
