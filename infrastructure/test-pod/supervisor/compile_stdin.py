"""Compiles the source on stdin without running it, and prints what is wrong as JSON, or null."""

import json
import sys
import warnings


def main() -> None:
    name = sys.argv[1]
    warnings.simplefilter("ignore")
    try:
        compile(sys.stdin.buffer.read(), name, "exec", dont_inherit=True)
    except SyntaxError as error:
        found = {"message": f"{type(error).__name__}: {error.msg}"[:1000], "file": name, "line": error.lineno}
    else:
        found = None
    print(json.dumps(found))


main()
