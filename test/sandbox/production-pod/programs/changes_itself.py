import os
import pathlib

written = pathlib.Path("written-by-changes-itself.txt")
beside = pathlib.Path("completes.py")
print("again" if written.exists() else "first", beside.is_file())
written.write_text("kept")
# The next start must put both files back.
beside.unlink()
os.mkdir(beside)
pathlib.Path(__file__).write_text("raise SystemExit(9)")
