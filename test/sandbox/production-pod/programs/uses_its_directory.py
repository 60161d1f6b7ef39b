import os
import pathlib

import completes

pathlib.Path("written.txt").write_text("kept")
pathlib.Path("lib/written.txt").write_text("kept")
kept, beside = pathlib.Path("written.txt").read_text(), pathlib.Path("lib/greeting.js").exists()
here = pathlib.Path(__file__).resolve().parent
print("wrote", kept, "beside", str(beside) + ", one folder", str(here == pathlib.Path.cwd()) + ", home", here == pathlib.Path(os.environ["HOME"]))
