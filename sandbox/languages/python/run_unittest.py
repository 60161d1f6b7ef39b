"""Runs test files with unittest and reports each test. Exits with 0 passed, 1 failed, 5 no tests."""

import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# A program's own modules take precedence: nothing in this folder can be imported.
sys.path[:] = [folder for folder in sys.path if folder != HERE]

import fnmatch  # noqa: E402
import time  # noqa: E402
import traceback  # noqa: E402
import unittest  # noqa: E402

NO_TESTS = 5


def load_reporting():
    spec = importlib.util.spec_from_file_location("reporting", os.path.join(HERE, "reporting.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


report = load_reporting().Report()
# The number of tests of each class and module, by unittest's name for its set-up. If the set-up is skipped,
# none of them is run.
set_up_for: "dict[str, int]" = {}


class Result(unittest.TextTestResult):
    # The running test. Its outcome is the worst of its call, its subtests and its tear-down.
    _current = None

    def startTest(self, test):
        super().startTest(test)
        report.begin(test.id())
        self._current, self._outcome, self._messages = test, "passed", []
        self._started = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        message = "\n".join(self._messages) or None
        report.result(test.id(), self._outcome, time.monotonic() - self._started, message)
        self._current = None

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._record(test, "failed", self._exc_info_to_string(error, test))

    def addError(self, test, error):
        super().addError(test, error)
        self._record(test, "error", self._exc_info_to_string(error, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._record(test, "skipped", reason)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._record(test, "failed", "unexpected success")

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            outcome = "failed" if issubclass(error[0], test.failureException) else "error"
            self._record(test, outcome, f"{subtest.id()}\n{self._exc_info_to_string(error, test)}")

    def _record(self, test, outcome, message):
        if self._current is None:
            self._record_outside_test(test, outcome, message)
            return
        if self._outcome in ("passed", "skipped"):
            self._outcome = outcome
        self._messages.append(message)

    def _record_outside_test(self, test, outcome, message):
        """
        Handles a test that was skipped before it began, and the set-up or tear-down of a class or module.
        """
        if isinstance(test, unittest.TestCase):
            report.result(test.id(), outcome, 0.0, message)
            return
        if outcome == "skipped":
            report.found -= set_up_for.get(test.id(), 0)
        report.extra_result(test.id(), outcome, message)


def load(name: str) -> unittest.TestSuite:
    """
    Loads the tests of a file. A file that cannot be loaded counts as a failed test, as in unittest's
    discovery.
    """
    module = os.path.splitext(name)[0].replace("/", ".")
    report.begin(name)
    try:
        __import__(module)
        return unittest.defaultTestLoader.loadTestsFromModule(sys.modules[module])
    except unittest.SkipTest as skipped:
        report.extra_result(name, "skipped", str(skipped))
    except BaseException:  # noqa: BLE001: a SystemExit also means that the file did not load.
        traceback.print_exc()
        report.extra_result(name, "error", traceback.format_exc())
        load.failed = True
    return unittest.TestSuite()


load.failed = False


def count_set_ups(suite: unittest.TestSuite) -> None:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            count_set_ups(test)
            continue
        for key in (f"setUpClass ({unittest.util.strclass(type(test))})", f"setUpModule ({type(test).__module__})"):
            set_up_for[key] = set_up_for.get(key, 0) + 1


def main() -> int:
    files = [os.path.relpath(name) for name in sys.argv[1:]]
    names = [name for name in files if name.endswith(".py") and os.path.basename(name) != "__init__.py"]
    tests = [name for name in names if fnmatch.fnmatch(os.path.basename(name), "test*.py")] or names
    # The program's own folder is first, so that tests can import the program.
    sys.path.insert(0, os.getcwd())
    suite = unittest.TestSuite(load(name) for name in tests)
    report.found += suite.countTestCases()
    count_set_ups(suite)
    warnings = None if sys.warnoptions else "default"
    result = unittest.TextTestRunner(resultclass=Result, verbosity=2, warnings=warnings).run(suite)
    report.end()
    if report.found == 0:
        return NO_TESTS
    return 0 if result.wasSuccessful() and not load.failed else 1


if __name__ == "__main__":
    sys.exit(main())
