"""
Installs packages with pip into a folder: `install.py FOLDER REQUIREMENT...`, from the index that PACKAGE_INDEX_URL
names. Writes what was installed to descriptor 3 where that is open, one JSON object a package. The last line of
stderr says what went wrong.

Only wheels are taken: they are unpacked, and nothing in them is run.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

REPORT = 3
# For one answer of the index, in seconds, and how often it is asked again.
TIMEOUT = 15
RETRIES = 2


def main() -> int:
    layer, *requirements = sys.argv[1:]
    index = os.environ.get("PACKAGE_INDEX_URL")
    if not index:
        return fail("this platform has no package index: its operator must set PACKAGE_INDEX_URL")
    temporary = os.path.join(layer, ".tmp")
    report = os.path.join(temporary, "report.json")
    os.makedirs(temporary)
    try:
        code = subprocess.run(command(layer, report, requirements, index), env=environment(temporary, index)).returncode
        if code != 0:
            wrong = trouble_with(index, requirements[0])
            return code if wrong is None else fail(wrong)
        tell_installed(report)
    finally:
        shutil.rmtree(temporary)
    return 0


def command(layer: str, report: str, requirements: list[str], index: str) -> list[str]:
    options = ["--no-input", "--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off", "--no-color"]
    options += [f"--timeout={TIMEOUT}", f"--retries={RETRIES}", "--only-binary=:all:", f"--report={report}"]
    address = urllib.parse.urlsplit(index)
    if address.scheme == "http":
        # Without it, pip takes no package over http from another machine. For https it would give up certificates.
        options += ["--trusted-host", address.hostname]
    return [sys.executable, "-I", "-m", "pip", "install", f"--target={layer}", *options, "--", *requirements]


def environment(temporary: str, index: str) -> dict[str, str]:
    """No settings of pip but ours. The index is not an argument: those can be read by every process of the pod."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    # The layer's own volume has room for archives, and moving within it costs nothing.
    return {**ours, "TMPDIR": temporary, "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index}


def trouble_with(index: str, requirement: str) -> "str | None":
    """
    What keeps the index from answering, or None when it does. To pip, an index that is away looks like one that has
    no such package; so it is asked once more.
    """
    address = urllib.parse.urlsplit(index)
    place = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    name = requirement.split(";")[0]
    for character in "[<>=!~ ":
        name = name.split(character)[0]
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    if address.username is not None:
        user, password = map(urllib.parse.unquote, (address.username, address.password or ""))
        passwords.add_password(None, place, user, password, is_authenticated=True)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    try:
        opener.open(f"{place.rstrip('/')}/{name}/", timeout=TIMEOUT).close()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        said = error.read(300).decode("utf-8", "replace").split("\n")[0]
        return f"the package index {place} answers {error.code} {error.reason}: {said}".rstrip(": ")
    except OSError as error:
        return f"the package index {place} cannot be reached: {getattr(error, 'reason', error)}"
    return None


def tell_installed(report: str) -> None:
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
