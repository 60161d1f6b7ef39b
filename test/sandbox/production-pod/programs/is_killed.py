import os
import signal

os.kill(os.getpid(), int(os.environ.get("SIGNAL_NUMBER", signal.SIGKILL)))
