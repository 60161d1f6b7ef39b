"""Runs test files with pytest and reports each test. Exits as pytest does: 0 passed, 1 failed, 5 no tests."""

import os
import sys

import pytest

from reporting import report


class Reporter:
    def __init__(self):
        self._failed = set()

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        self._tell(report)

    def _tell(self, outcome: "pytest.TestReport") -> None:
        """A test is told once: by its call, or by the first of setup, call and teardown that did not pass."""
        name = outcome.nodeid
        if outcome.when == "call" and outcome.outcome == "passed":
            report(name, "passed", outcome.duration)
        elif outcome.outcome == "skipped":
            reason = outcome.longrepr[2] if isinstance(outcome.longrepr, tuple) else str(outcome.longrepr or "")
            report(name, "skipped", outcome.duration, reason)
        elif outcome.outcome == "failed" and name not in self._failed:
            self._failed.add(name)
            report(name, "failed" if outcome.when == "call" else "error", outcome.duration, outcome.longreprtext)

    def pytest_collectreport(self, report: "pytest.CollectReport") -> None:
        if report.failed:
            _report_collection(report)


def _report_collection(collected: "pytest.CollectReport") -> None:
    report(collected.nodeid or "collection", "error", 0.0, collected.longreprtext)


# The program's own folder comes first, so that tests import what they test.
sys.path.insert(0, os.getcwd())
sys.exit(pytest.main(["-p", "no:cacheprovider", "--rootdir=.", "-q", *sys.argv[1:]], plugins=[Reporter()]))
