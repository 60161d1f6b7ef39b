"""Writes what became of each test to descriptor 3, one JSON object a line (infrastructure/languages/README.md)."""

import json
import os

REPORT = 3
MAX_MESSAGE = 4000


def report(name: str, outcome: str, seconds: float, message: "str | None" = None) -> None:
    """@param outcome passed, failed, error or skipped"""
    line = {
        "name": name,
        "outcome": outcome,
        "duration_ms": round(seconds * 1000, 1),
        "message": message if message is None else message[-MAX_MESSAGE:],
    }
    data = json.dumps(line).encode() + b"\n"
    while data:
        data = data[os.write(REPORT, data):]
