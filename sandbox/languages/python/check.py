"""Compiles a file without running it. If that fails, prints the error like a traceback and exits with 1."""

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
    """Whether Python would run the file as a zip archive, which may have any name."""
    try:
        zipimport.zipimporter(name)
        return True
    except zipimport.ZipImportError:
        return False


sys.exit(main())
