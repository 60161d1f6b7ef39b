"""
Installs packages with pip into a folder: `install.py FOLDER REQUIREMENT...`. The package index is
PACKAGE_INDEX_URL. If descriptor 3 is open, it writes one JSON object for each installed package to it. The
last line of stderr is the reason for a failure.

Only wheels are installed: they are unpacked, and no code in them is run.
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

REPORT = 3
# How many of pip's last lines, and how many bytes of a page of the index, are read to explain a failure.
MAX_LINES = 200
MAX_PAGE = 4 * 1024 * 1024
# The timeout of one request to the index, in seconds, and the number of retries.
TIMEOUT = 15
RETRIES = 2


def main() -> int:
    layer, *requirements = sys.argv[1:]
    index = os.environ.get("PACKAGE_INDEX_URL")
    if not index:
        return fail("no package index is configured: the operator must set PACKAGE_INDEX_URL")
    temporary = os.path.join(layer, ".tmp")
    report = os.path.join(temporary, "report.json")
    os.makedirs(temporary)
    try:
        code, output = run_pip(command(layer, report, requirements, index), environment(temporary, index))
        if code != 0:
            reason = failure_reason(output, index, requirements[0])
            return code if reason is None else fail(reason)
        report_installed(report)
    finally:
        shutil.rmtree(temporary)
    return 0


def command(layer: str, report: str, requirements: list[str], index: str) -> list[str]:
    options = ["--no-input", "--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off", "--no-color"]
    options += [f"--timeout={TIMEOUT}", f"--retries={RETRIES}", "--only-binary=:all:", f"--report={report}"]
    address = urllib.parse.urlsplit(index)
    if address.scheme == "http":
        # pip needs this to install over http from another machine. For https, it would disable certificate
        # checks.
        options += ["--trusted-host", address.hostname]
    return [sys.executable, "-I", "-m", "pip", "install", f"--target={layer}", *options, "--", *requirements]


def environment(temporary: str, index: str) -> dict[str, str]:
    """
    Removes all other pip settings. The index is not an argument, because every process in the pod can read
    those.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    # The layer's own volume has space for archives, and moving files within it costs nothing.
    return {**ours, "TMPDIR": temporary, "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index}


def run_pip(command: list[str], env: dict[str, str]) -> tuple[int, str]:
    """Runs pip and passes on its stderr. Returns the exit code and the last lines of stderr."""
    output: "collections.deque[str]" = collections.deque(maxlen=MAX_LINES)
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stderr:
            sys.stderr.write(line)
            output.append(line)
    return process.returncode, "".join(output)


def failure_reason(output: str, index: str, requirement: str) -> "str | None":
    """The reason in one line, or None if pip's own last line already gives it."""
    conflict = re.search(r"^ERROR: (Cannot install .+ have conflicting dependencies\.)", output, re.MULTILINE)
    if conflict:
        return conflict[1]
    missing = re.search(r"^ERROR: No matching distribution found for (\S+)", output, re.MULTILINE)
    package = missing[1] if missing else requirement
    try:
        page = page_of(index, name_of(package))
    except IndexUnavailable as error:
        return str(error)
    source = source_of(package, page, output) if missing else None
    if source is None:
        return None
    return f"No wheel found for {package}: only wheels are installed here, and not source distributions such as {source}"


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]


def source_of(requirement: str, page: str, output: str) -> "str | None":
    """
    A source distribution of the requirement on the package's page; None if the missing wheel is not the
    reason.
    """
    sources = re.findall(r">\s*([^<>\s]+(?:\.tar\.gz|\.tgz|\.tar\.bz2|\.zip))\s*<", page)
    version = requirement.partition("==")[2]
    if version:
        sources = [name for name in sources if re.search(rf"-{re.escape(version)}\.(?:t|zip)", name)]
    elif "(from versions: none)" not in output:
        return None
    return sources[-1] if sources else None


class IndexUnavailable(Exception):
    """The package index cannot be reached or returns an error."""


def page_of(index: str, name: str) -> str:
    """
    Fetches a package's page from the index; empty if the index does not have the package. pip reports an
    unreachable index as a missing package, so this request distinguishes the two.
    @raises IndexAway
    """
    address = urllib.parse.urlsplit(index)
    base_url = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    if address.username is not None:
        user, password = map(urllib.parse.unquote, (address.username, address.password or ""))
        passwords.add_password(None, base_url, user, password, is_authenticated=True)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    # Without this header, PyPI may respond in another format.
    request = urllib.request.Request(f"{base_url.rstrip('/')}/{name}/", headers={"Accept": "text/html"})
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return answer.read(MAX_PAGE).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return ""
        body = error.read(300).decode("utf-8", "replace").split("\n")[0]
        raise IndexUnavailable(f"the package index {base_url} answers {error.code} {error.reason}: {body}".rstrip(": ")) from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise IndexUnavailable(f"the package index {base_url} cannot be reached: {reason}") from error


def report_installed(report: str) -> None:
    with open(report, encoding="utf-8") as file:
        installed = json.load(file)["install"]
    lines = [
        json.dumps({"name": package["metadata"]["name"], "version": package["metadata"]["version"]})
        for package in installed
    ]
    data = "".join(f"{line}\n" for line in sorted(lines)).encode()
    try:
        while data:
            data = data[os.write(REPORT, data):]
    except OSError:
        return


def fail(message: str) -> int:
    print(f"ERROR: {message}", file=sys.stderr)
    return 1


sys.exit(main())
