import os

# The grandchild outlives its parent and ends on its own: process 1 has to collect it.
if os.fork() == 0:
    if os.fork() == 0:
        os._exit(7)
    os._exit(0)
os.wait()
print("Hello")
