"""
Reports a run of tests on descriptor 3, in the format of sandbox/languages/README.md.

Tested code runs in the same process. So this module is loaded without a name that a program could import, and
it imports no module that a program could replace: `_json` is the built-in part of `json`.
"""

import os
from _json import encode_basestring_ascii as _encoded

REPORT = 3
# How many tests are listed by name: this many that did not pass, and this many others. All are counted.
MAX_LISTED = 200
MAX_NAME = 400
MAX_MESSAGE = 2_000
# The size of the failures that are repeated at the end, in bytes: the last 128 KiB of a report are always
# kept.
MAX_FAILURES = 96 * 1024


class Report:
    def __init__(self):
        # Programs that a test starts must not write to the report, nor may forks of this process.
        os.set_inheritable(REPORT, False)
        self._owner = os.getpid()
        self.found = 0
        self._counts = {"passed": 0, "failed": 0, "skipped": 0}
        self._failures = []
        self._listed = 0

    def begin(self, name: str) -> None:
        """
        Reports the test or file that is about to run. If the run ends early, it ended in the last one
        reported.
        """
        self._write(f'{{"begin": {_encoded(name[:MAX_NAME])}, {self._counted()}}}')

    def result(self, name: str, outcome: str, seconds: float, message: "str | None" = None) -> None:
        """
        Reports a finished test, once.
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

    def extra_result(self, name: str, outcome: str, message: "str | None" = None) -> None:
        """
        Reports something that counts as a test: a file that could not be loaded, or the set-up of a class.
        """
        self.found += 1
        self.result(name, outcome, 0.0, message)

    def end(self) -> None:
        """Reports that the framework finished. If this line is missing, it did not."""
        max_bytes = MAX_FAILURES // max(len(self._failures), 1)
        failures = ", ".join(_line(*failure, max_bytes) for failure in self._failures)
        self._write(f'{{"end": true, {self._counted()}, "failures": [{failures}]}}')

    def _counted(self) -> str:
        passed, failed, skipped = self._counts.values()
        # If a plug-in runs tests in its own processes, the number of tests found is not reported here.
        found = max(self.found, passed + failed + skipped)
        return f'"counts": {{"found": {found}, "passed": {passed}, "failed": {failed}, "skipped": {skipped}}}'

    def _write(self, line: str) -> None:
        if os.getpid() != self._owner:
            return
        data = line.encode("ascii") + b"\n"
        while data:
            data = data[os.write(REPORT, data):]


def _line(name: str, outcome: str, seconds: float, message: "str | None", max_bytes: int) -> str:
    """@param max_bytes the most bytes that its texts may take"""
    name = _truncated(name[:MAX_NAME], max_bytes // 2)
    text = "null" if message is None else _truncated(message[-MAX_MESSAGE:], max_bytes - len(name))
    return f'{{"name": {name}, "outcome": "{outcome}", "duration_ms": {seconds * 1000:.1f}, "message": {text}}}'


def _truncated(text: str, max_bytes: int) -> str:
    """The end of a text, as a JSON string of at most `max_bytes` bytes."""
    encoded = _encoded(text)
    while len(encoded) > max_bytes and text:
        text = text[-(len(text) // 2):] if len(text) > 1 else ""
        encoded = _encoded(text)
    return encoded
