"""Names of signals, the same everywhere in the platform."""

import signal


def signal_name(number: int) -> str:
    """The name of any signal. Real-time signals are numbered from the first one, as in `kill -l`."""
    first, last = int(signal.SIGRTMIN), int(signal.SIGRTMAX)
    if first < number < last:
        return f"SIGRTMIN+{number - first}"
    try:
        return signal.Signals(number).name
    except ValueError:
        # The C library reserves some signals for itself.
        return f"SIG{number}"
