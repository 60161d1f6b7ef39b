"""
Reports a run of tests on descriptor 3, in the form of sandbox/languages/README.md.

Tested code shares the process, so this module is loaded under no name that a program could import, and uses none that
it could replace: `_json` is the part of `json` that is built in.
"""

import os
from _json import encode_basestring_ascii as _encoded

REPORT = 3
# Tests that are listed by name: so many that did not pass, and so many others. All are counted.
MAX_LISTED = 200
MAX_NAME = 400
MAX_MESSAGE = 2_000
# What is repeated of failures at the end, in bytes: the last 128 KiB of a report are always kept.
MAX_FAILURES = 96 * 1024


class Report:
    def __init__(self):
        # Nothing that a test starts may write here; neither may a copy of this process that a test forks.
        os.set_inheritable(REPORT, False)
        self._owner = os.getpid()
        self.found = 0
        self._counts = {"passed": 0, "failed": 0, "skipped": 0}
        self._failures = []
        self._listed = 0

    def begin(self, name: str) -> None:
        """Names the test, or the file, that is about to run: the last one is what a run that ends early ended in."""
        self._write(f'{{"begin": {_encoded(name[:MAX_NAME])}, {self._counted()}}}')

    def result(self, name: str, outcome: str, seconds: float, message: "str | None" = None) -> None:
        """
        Reports a test that is over, once.
        @param outcome passed, failed, error or skipped
        """
        kind = "failed" if outcome == "error" else outcome
        self._counts[kind] += 1
        if kind == "failed":
            if len(self._failures) >= MAX_LISTED:
                return
            self._failures.append((name, outcome, seconds, message))
        elif self._listed >= MAX_LISTED:
            return
        else:
            self._listed += 1
        self._write(f'{{"test": {_line(name, outcome, seconds, message, MAX_MESSAGE)}, {self._counted()}}}')

    def beside(self, name: str, outcome: str, message: "str | None" = None) -> None:
        """Reports what is no test and counts as one: a file that could not be loaded, or the set-up of a class."""
        self.found += 1
        self.result(name, outcome, 0.0, message)

    def end(self) -> None:
        """Says that the framework came to its end. Without this line, it did not."""
        room = MAX_FAILURES // max(len(self._failures), 1)
        failures = ", ".join(_line(*failure, room) for failure in self._failures)
        self._write(f'{{"end": true, {self._counted()}, "failures": [{failures}]}}')

    def _counted(self) -> str:
        passed, failed, skipped = self._counts.values()
        # Where tests run in processes of a plug-in's own, nobody says here how many were found.
        found = max(self.found, passed + failed + skipped)
        return f'"counts": {{"found": {found}, "passed": {passed}, "failed": {failed}, "skipped": {skipped}}}'

    def _write(self, line: str) -> None:
        if os.getpid() != self._owner:
            return
        data = line.encode("ascii") + b"\n"
        while data:
            data = data[os.write(REPORT, data):]


def _line(name: str, outcome: str, seconds: float, message: "str | None", room: int) -> str:
    """@param room how many bytes its texts may have"""
    name = _cut(name[:MAX_NAME], room // 2)
    text = "null" if message is None else _cut(message[-MAX_MESSAGE:], room - len(name))
    return f'{{"name": {name}, "outcome": "{outcome}", "duration_ms": {seconds * 1000:.1f}, "message": {text}}}'


def _cut(text: str, room: int) -> str:
    """The end of a text, as JSON of a limited size."""
    encoded = _encoded(text)
    while len(encoded) > room and text:
        text = text[-(len(text) // 2):] if len(text) > 1 else ""
        encoded = _encoded(text)
    return encoded
