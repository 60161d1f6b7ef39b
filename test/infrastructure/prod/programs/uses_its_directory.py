import pathlib

import completes

pathlib.Path("written.txt").write_text("kept")
pathlib.Path("lib/written.txt").write_text("kept")
print("wrote", pathlib.Path("written.txt").read_text(), "beside", pathlib.Path("lib/greeting.js").exists())
