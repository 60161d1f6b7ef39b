"""Entry point of the test pod: `python3 -I -S /opt/test-pod`."""

import os
import traceback

from supervisor.main import main

try:
    main()
except Exception:
    traceback.print_exc()
    # os._exit instead of sys.exit, so that nothing can keep a broken PID 1 alive. The kubelet starts a new
    # one.
    os._exit(70)
