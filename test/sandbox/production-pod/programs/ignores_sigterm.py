import signal
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started")
while True:
    time.sleep(60)
