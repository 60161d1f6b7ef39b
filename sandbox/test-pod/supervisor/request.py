"""Requests for runs. They are validated again here: the supervisor trusts no client with a path or a size."""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass

from .languages import Language

MAX_FILES = 100
MAX_FILES_BYTES = 4 * 1024 * 1024
MAX_STDIN_BYTES = 1024 * 1024
MAX_ARGS = 100
# The variables of a submission, and those of its test database.
MAX_ENV = 110
# The total size of all arguments, and of all variables including their names, in bytes of UTF-8.
MAX_ARGS_BYTES = 64 * 1024
MAX_ENV_BYTES = 65 * 1024
MAX_WALL_MS = 600_000
MAX_QUEUE_TIMEOUT_MS = 60_000
# The most output that one `read` returns.
MAX_READ_BYTES = 1024 * 1024
MAX_KEEP_OUTPUT_BYTES = 1024 * 1024
MAX_KEY_LENGTH = 512
MAX_REQUIREMENTS = 200
MAX_REQUIREMENT_LENGTH = 300
MAX_INDEX_LENGTH = 2048

_SUBMISSION_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# Set by the supervisor, or able to change the interpreter before the program begins.
_OWN_VARIABLES = frozenset({"PATH", "HOME", "LANG", "PORT", "PYTHONUNBUFFERED", "SUBMISSION_ID"})
# An installer must not be able to read a requirement as an option, a path or a URL.
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\[\],<>=!~*+ -]*")
_INDEX = re.compile(r"https?://[\x21-\x7e]+")
_NAME_PART = re.compile(r"[^\x00-\x1f/\x7f]{1,255}")


class InvalidRequest(Exception):
    """The request can never succeed. The message gives the reason."""


@dataclass(frozen=True)
class Limits:
    wall_ms: int
    memory_bytes: int
    keep_output_bytes: int
    max_output_bytes: int


@dataclass(frozen=True)
class RunRequest:
    key: str
    submission_id: str
    language: Language
    command: str
    files: dict[str, bytes]
    entrypoint: str
    limits: Limits
    stdin: bytes
    # Whether more input may arrive while it runs.
    interactive: bool
    args: list[str]
    env: dict[str, str]
    requirements: list[str]
    # The package index for `install`. It may contain a password. None if the operator configured none.
    index_url: "str | None"
    # How long it may wait for its turn, in seconds; None for no limit.
    queue_timeout: "float | None"
    # Whether the test queue outside this pod granted it its turn.
    in_turn: bool
    # Distinguishes requests with the same key: only equal requests may share a run.
    digest: str


def parse_run(frame: dict, languages: dict[str, Language]) -> RunRequest:
    """@raises InvalidRequest"""
    key = _text(frame, "key")
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise InvalidRequest(f"key must have 1 to {MAX_KEY_LENGTH} characters, not {len(key)}")
    submission_id = _text(frame, "submission_id")
    if not _SUBMISSION_ID.fullmatch(submission_id):
        raise InvalidRequest("submission_id must be 1 to 128 letters, digits, dots, dashes or underscores")
    language, command = _command(frame, languages)
    files = _files(frame.get("files"))
    entrypoint = _text(frame, "entrypoint")
    if entrypoint not in files:
        raise InvalidRequest(f"entrypoint {entrypoint!r} is not among the files")
    limits = _limits(frame.get("limits"))
    stdin = _stdin(frame.get("stdin", ""))
    interactive = frame.get("interactive", False)
    if not isinstance(interactive, bool):
        raise InvalidRequest("interactive must be true or false")
    args = _args(frame.get("args", []))
    env = _env(frame.get("env", {}))
    requirements = _requirements(frame.get("requirements", []), language, command)
    index_url = _index_url(frame.get("index_url"))
    in_turn = frame.get("in_turn", False)
    if not isinstance(in_turn, bool):
        raise InvalidRequest("in_turn must be true or false")
    queue_timeout = _queue_timeout(frame.get("patience_ms"))
    identity = [submission_id, language.name, command, entrypoint, frame["files"], frame["limits"], frame.get("stdin", ""), args, env]
    # The digest excludes the index, whose password may change when the worker restarts, and the queue timeout.
    identity += [requirements, interactive]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return RunRequest(key, submission_id, language, command, files, entrypoint, limits, stdin, interactive, args, env, requirements, index_url, queue_timeout, in_turn, digest)


def _command(frame: dict, languages: dict[str, Language]) -> tuple[Language, str]:
    name, command = frame.get("language", "python"), frame.get("command", "run")
    language = languages.get(name) if isinstance(name, str) else None
    if language is None:
        raise InvalidRequest(f"language {name!r} is not among {', '.join(sorted(languages))}")
    if not isinstance(command, str) or command not in language.commands:
        raise InvalidRequest(f"command {command!r} is not among {', '.join(language.commands)} of {name}")
    return language, command


def _queue_timeout(value: object) -> "float | None":
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= MAX_QUEUE_TIMEOUT_MS:
        raise InvalidRequest(f"patience_ms must be a whole number from 0 to {MAX_QUEUE_TIMEOUT_MS}")
    return value / 1000


def _files(value: object) -> dict[str, bytes]:
    if not isinstance(value, dict) or not 1 <= len(value) <= MAX_FILES:
        raise InvalidRequest(f"files must be an object with 1 to {MAX_FILES} entries")
    files = {}
    for name, encoded in value.items():
        _check_name(name)
        files[name] = _bytes(f"file {name!r}", encoded)
    size = sum(map(len, files.values()))
    if size > MAX_FILES_BYTES:
        raise InvalidRequest(f"files have {size} bytes, more than {MAX_FILES_BYTES}")
    folders = {name.rsplit("/", count)[0] for name in files for count in range(1, name.count("/") + 1)}
    if clash := folders & files.keys():
        raise InvalidRequest(f"{sorted(clash)[0]!r} is both a file and a folder")
    return files


def _stdin(value: object) -> bytes:
    data = _bytes("stdin", value)
    if len(data) > MAX_STDIN_BYTES:
        raise InvalidRequest(f"stdin has {len(data)} bytes, more than {MAX_STDIN_BYTES}")
    return data


def _args(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_ARGS:
        raise InvalidRequest(f"args must be a list of at most {MAX_ARGS} strings")
    _check_texts("args", value, MAX_ARGS_BYTES)
    return value


def _env(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > MAX_ENV:
        raise InvalidRequest(f"env must be an object with at most {MAX_ENV} entries")
    for name in value:
        if not _VARIABLE.fullmatch(name):
            raise InvalidRequest(f"env name {name[:64]!r} must be a letter or underscore, then letters, digits or underscores")
        if name in _OWN_VARIABLES:
            raise InvalidRequest(f"env must not set {name}: the test pod does")
    _check_texts("env", [*value, *value.values()], MAX_ENV_BYTES)
    return value


def _requirements(value: object, language: Language, command: str) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_REQUIREMENTS:
        raise InvalidRequest(f"requirements must be a list of at most {MAX_REQUIREMENTS} strings")
    for text in value:
        if not isinstance(text, str) or len(text) > MAX_REQUIREMENT_LENGTH or not _REQUIREMENT.fullmatch(text):
            raise InvalidRequest(f"requirement {text!r} must be the name of a package, with extras and versions")
    if value and "install" not in language.commands:
        raise InvalidRequest(f"requirements cannot be installed for {language.name}")
    if command == "install" and not value:
        raise InvalidRequest("there are no requirements to install")
    return value


def _index_url(value: object) -> "str | None":
    if value is not None and (
        not isinstance(value, str) or len(value) > MAX_INDEX_LENGTH or not _INDEX.fullmatch(value)
    ):
        raise InvalidRequest("index_url must be an address that begins with http:// or https://")
    return value


def _check_texts(name: str, texts: list, maximum: int) -> None:
    """Checks that strings can be passed to a program: Unicode without NUL, with a limited total size."""
    if any(not isinstance(text, str) or "\0" in text for text in texts):
        raise InvalidRequest(f"{name} must contain only strings without NUL")
    try:
        size = sum(len(text.encode("utf-8")) for text in texts)
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{name} must be valid Unicode: {error}") from error
    if size > maximum:
        raise InvalidRequest(f"{name} has {size} bytes, more than {maximum}")


def _bytes(name: str, encoded: object) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise InvalidRequest(f"{name} is not base64: {error}") from error


def _check_name(name: str) -> None:
    parts = name.split("/")
    if len(name.encode("utf-8", "replace")) > 1024 or len(parts) > 16:
        raise InvalidRequest(f"file name {name[:64]!r} is too long or too deep")
    for part in parts:
        if part in (".", "..") or not _NAME_PART.fullmatch(part) or not _is_unicode(part):
            raise InvalidRequest(f"file name {name!r} must be relative, without empty parts, '..' or control characters")


def _is_unicode(text: str) -> bool:
    try:
        return len(text.encode("utf-8")) <= 255
    except UnicodeEncodeError:
        return False


def _limits(value: object) -> Limits:
    if not isinstance(value, dict):
        raise InvalidRequest("limits must be an object")
    return Limits(
        wall_ms=_count(value, "wall_ms", 1, MAX_WALL_MS),
        memory_bytes=_count(value, "memory_bytes", 16 * 1024 * 1024, 1 << 40),
        keep_output_bytes=_count(value, "keep_output_bytes", 0, MAX_KEEP_OUTPUT_BYTES),
        max_output_bytes=_count(value, "max_output_bytes", 1, 1 << 40),
    )


def _count(value: dict, name: str, minimum: int, maximum: int) -> int:
    number = value.get(name)
    if type(number) is not int or not minimum <= number <= maximum:
        raise InvalidRequest(f"limits.{name} must be a whole number from {minimum} to {maximum}, not {number!r}")
    return number


def _text(frame: dict, name: str) -> str:
    value = frame.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be a string")
    return value


@dataclass(frozen=True)
class Feed:
    """Input for a run: `data` begins at `offset` of everything that is fed to it."""

    key: str
    offset: int
    data: bytes
    eof: bool


def parse_feed(frame: dict) -> Feed:
    """@raises InvalidRequest"""
    offset, data, eof = frame.get("offset"), _bytes("data", frame.get("data", "")), frame.get("eof", False)
    if type(offset) is not int or not 0 <= offset <= MAX_STDIN_BYTES:
        raise InvalidRequest(f"offset must be a whole number from 0 to {MAX_STDIN_BYTES}")
    if offset + len(data) > MAX_STDIN_BYTES:
        raise InvalidRequest(f"input has {offset + len(data)} bytes, more than {MAX_STDIN_BYTES}")
    if not isinstance(eof, bool):
        raise InvalidRequest("eof must be true or false")
    return Feed(_text(frame, "key"), offset, data, eof)


@dataclass(frozen=True)
class ReadRequest:
    """Bytes of a run's stream, from `start` (inclusive) to `end` (exclusive)."""

    key: str
    stream: str
    start: int
    end: int


def parse_read(frame: dict) -> ReadRequest:
    """@raises InvalidRequest"""
    stream, start, end = frame.get("stream"), frame.get("from"), frame.get("to")
    if stream not in ("stdout", "stderr"):
        raise InvalidRequest("stream must be stdout or stderr")
    if type(start) is not int or type(end) is not int or not 0 <= start <= end <= start + MAX_READ_BYTES:
        raise InvalidRequest(f"from and to must be whole numbers, at most {MAX_READ_BYTES} apart")
    return ReadRequest(_text(frame, "key"), stream, start, end)
