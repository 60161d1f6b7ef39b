import signal
import sys


def stop(*_):
    print("cleaned up")
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
print("started")
signal.pause()
