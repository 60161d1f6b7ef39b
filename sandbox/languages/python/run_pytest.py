"""Runs test files with pytest and reports each test. Exits as pytest does: 0 passed, 1 failed, 5 no tests."""

import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# A program's own modules take precedence: nothing in this folder can be imported.
sys.path[:] = [folder for folder in sys.path if folder != HERE]

import fnmatch  # noqa: E402

import pytest  # noqa: E402


def load_reporting():
    spec = importlib.util.spec_from_file_location("reporting", os.path.join(HERE, "reporting.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Reporter:
    def __init__(self, report, files: "list[str]"):
        self._report = report
        self._files = files
        # The reports of setup, call and teardown of each running test. With a plug-in, several tests may be
        # running.
        self._phases: "dict[str, list[pytest.TestReport]]" = {}

    def pytest_configure(self, config: "pytest.Config") -> None:
        """Selects the files that match pytest's own patterns. If none matches, it selects all modules."""
        patterns = config.getini("python_files")
        tests = [name for name in self._files if any(_matches(name, pattern) for pattern in patterns)]
        config.args = tests or self._files

    def pytest_collectstart(self, collector: "pytest.Collector") -> None:
        if isinstance(collector, pytest.File):
            self._report.begin(collector.nodeid)

    def pytest_collectreport(self, report: "pytest.CollectReport") -> None:
        if report.failed:
            self._report.extra_result(report.nodeid or "collection", "error", report.longreprtext)
        elif report.skipped:
            self._report.extra_result(report.nodeid, "skipped", _reason(report))

    def pytest_collection_finish(self, session: "pytest.Session") -> None:
        self._report.found += len(session.items)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._phases[nodeid] = []
        self._report.begin(nodeid)

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        self._phases.setdefault(report.nodeid, []).append(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Reports a test once, with the combined outcome of its setup, call and teardown."""
        phases = self._phases.pop(nodeid, [])
        if any(phase.outcome == "rerun" for phase in phases):
            # A plug-in runs it again.
            return
        seconds = sum(phase.duration for phase in phases)
        failed = [phase for phase in phases if phase.failed]
        skipped = [phase for phase in phases if phase.skipped]
        if failed:
            outcome = "failed" if any(phase.when == "call" for phase in failed) else "error"
            self._report.result(nodeid, outcome, seconds, "\n".join(phase.longreprtext for phase in failed))
        elif skipped:
            self._report.result(nodeid, "skipped", seconds, _reason(skipped[0]))
        elif any(phase.when == "call" for phase in phases):
            self._report.result(nodeid, "passed", seconds)
        else:
            self._report.result(nodeid, "skipped", seconds, "It was not called.")

    def end(self) -> None:
        """
        Also reports tests that a plug-in marked as failed but never ended, because their process is gone.
        """
        for nodeid in [nodeid for nodeid, phases in self._phases.items() if any(phase.failed for phase in phases)]:
            self.pytest_runtest_logfinish(nodeid)
        self._report.end()


def _matches(name: str, pattern: str) -> bool:
    """Matches as pytest does: a pattern without a slash applies to the file's name only."""
    return fnmatch.fnmatch(name if "/" in pattern else os.path.basename(name), pattern)


def _reason(report) -> str:
    if getattr(report, "wasxfail", None) is not None:
        return f"expected to fail: {report.wasxfail}".rstrip(": ")
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr or "")


def main() -> int:
    report = load_reporting().Report()
    names = [name for name in sys.argv[1:] if name.endswith(".py")]
    files = [name for name in names if os.path.basename(name) not in ("__init__.py", "conftest.py")]
    # The program's own folder is first, so that tests can import the program.
    sys.path.insert(0, os.getcwd())
    options = ["-p", "no:cacheprovider", "--rootdir=.", "-q"]
    reporter = Reporter(report, files)
    code = pytest.main([*options, *names], plugins=[reporter])
    reporter.end()
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
