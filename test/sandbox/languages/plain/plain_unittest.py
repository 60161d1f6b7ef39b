"""Runs unittest's own discovery, and prints its exit code and what its result says of each test."""

import json
import sys
import unittest

ran = []


class Result(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        ran.append(name_of(test))


def name_of(test) -> str:
    test = getattr(test, "test_case", test)
    for kind in ("unittest.loader._FailedTest.", "unittest.loader.ModuleSkipped."):
        if test.id().startswith(kind):
            return test.id().removeprefix(kind) + ".py"
    return test.id()


runner = unittest.TextTestRunner(resultclass=Result)
program = unittest.main(module=None, argv=["unittest", "discover", "-p", "test*.py"], testRunner=runner, exit=False)
result = program.result
tests = {name: "passed" for name in ran}
tests |= {name_of(test): "skipped" for test, _ in result.skipped}
failed = [test for test, _ in (*result.failures, *result.errors)] + result.unexpectedSuccesses
tests |= {name_of(test): "failed" for test in failed}
print("\n" + json.dumps({"code": 0 if result.wasSuccessful() else 1, "tests": tests}))
