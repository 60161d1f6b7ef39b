"""Runs test files with unittest and reports each test. Exits with 0 passed, 1 failed, 5 no tests."""

import os
import sys
import time
import unittest

from reporting import report

NO_TESTS = 5


class Result(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()
        self._told = False

    def addSuccess(self, test):
        super().addSuccess(test)
        self._tell(test, "passed")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._tell(test, "failed", self._exc_info_to_string(error, test))

    def addError(self, test, error):
        super().addError(test, error)
        self._tell(test, "error", self._exc_info_to_string(error, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._tell(test, "skipped", reason)

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self._tell(test, "passed")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._tell(test, "failed", "unexpected success")

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            outcome = "failed" if issubclass(error[0], test.failureException) else "error"
            report(subtest.id(), outcome, time.monotonic() - self._started, self._exc_info_to_string(error, test))

    def _tell(self, test, outcome, message=None):
        started = getattr(self, "_started", None)
        report(test.id(), outcome, 0.0 if started is None else time.monotonic() - started, message)


def main() -> int:
    sys.path.insert(0, os.getcwd())
    names = [os.path.splitext(name)[0].replace("/", ".") for name in sys.argv[1:]]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(resultclass=Result, verbosity=2).run(suite)
    if result.testsRun == 0 and not result.errors:
        return NO_TESTS
    return 0 if result.wasSuccessful() else 1


sys.exit(main())
