"""Compiles a file without running it. Says what is wrong as a traceback does, and exits with 1 then."""

import os
import sys
import warnings
import zipimport


def main() -> int:
    name = sys.argv[1]
    if is_archive(name):
        return 0
    warnings.simplefilter("ignore")
    with open(name, "rb") as file:
        source = file.read()
    try:
        compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        print("Traceback (most recent call last):", file=sys.stderr)
        print(f'  File "{os.path.abspath(name)}", line {getattr(error, "lineno", None) or 1}', file=sys.stderr)
        print(f"{type(error).__name__}: {message}", file=sys.stderr)
        return 1
    return 0


def is_archive(name: str) -> bool:
    """Whether Python would run what is in the file, as it does with a zip of any name."""
    try:
        zipimport.zipimporter(name)
        return True
    except zipimport.ZipImportError:
        return False


sys.exit(main())
