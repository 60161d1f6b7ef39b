"""Names of signals, the same wherever this platform reports one."""

import signal


def signal_name(number: int) -> str:
    """Of any number that a process can end by: real-time signals are named from the first one, as `kill -l` does."""
    first, last = int(signal.SIGRTMIN), int(signal.SIGRTMAX)
    if first < number < last:
        return f"SIGRTMIN+{number - first}"
    try:
        return signal.Signals(number).name
    except ValueError:
        # The C library keeps some for itself.
        return f"SIG{number}"
