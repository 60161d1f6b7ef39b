"""Runs pytest as it is over the files given, and prints its exit code and what its JUnit report says of each test."""

import json
import sys
import xml.etree.ElementTree as ElementTree

import pytest

code = pytest.main(["-q", "-p", "no:cacheprovider", "--junitxml=junit.xml", *sys.argv[1:]])
tests: dict[str, str] = {}
for case in ElementTree.parse("junit.xml").iter("testcase"):
    name = f"{case.get('classname')}.{case.get('name')}".lstrip(".")
    found = {child.tag for child in case} & {"failure", "error", "skipped"}
    outcome = "passed" if not found else "skipped" if found == {"skipped"} else "failed"
    # A test whose call passed and whose tear-down failed stands there twice.
    if tests.get(name) != "failed":
        tests[name] = outcome
print("\n" + json.dumps({"code": int(code), "tests": tests}))
