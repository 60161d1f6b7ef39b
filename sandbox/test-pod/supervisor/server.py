"""The supervisor's socket: access control, and the frames of PROTOCOL.md."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import struct

from collections.abc import Callable

from .batch import Batch
from .capture import Forgotten
from .isolation import SOCKET_FOLDER
from .languages import Language
from .processes import is_visitor
from .request import MAX_KEY_LENGTH, MAX_READ_BYTES, InvalidRequest, parse_feed, parse_read, parse_run
from .runs import Busy, KeyTaken, NotYet, Run, Runs
from .stdin import FedStdin

# An abstract name: there is no file that a program could remove or replace, and no program can take the name
# while PID 1 lives.
ADDRESS = "\0orchestration-app/test-pod"

# The protocol version (PROTOCOL.md). A worker that expects another one replaces the pod.
PROTOCOL = 3

# The longest request, in bytes: the files in base64, plus some overhead.
MAX_FRAME_BYTES = 8 * 1024 * 1024
# The most output in one frame. In base64, a multiple of 3, so that only the last chunk is padded.
BINARY_CHUNK_BYTES = MAX_READ_BYTES
CHUNK_BYTES = 24 * 1024
ALIVE_INTERVAL = 1.0
# A connection without a run is closed after this many seconds: its worker may have died without closing it.
IDLE_DEADLINE = 60
# A reader that is this far behind is disconnected. Its run continues, and the reader can join it again.
MAX_UNSENT_BYTES = 8 * 1024 * 1024
# The longest log line of a worker, in characters.
MAX_LOG_LINE = 4096

# json.dumps with options makes an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":")).encode

WriteLogLine = Callable[[str, str], None]


class Unknown(Exception):
    """There is no run with this key here, or it cannot do what was requested."""


async def serve(runs: Runs, languages: dict[str, Language], write_log_line: WriteLogLine, pod_uid: str) -> asyncio.Server:
    """@param write_log_line writes a line about a submission to the log"""
    loop = asyncio.get_running_loop()
    began = loop.time()

    def identity() -> dict:
        # The supervisor knows of no execution before its own start, so it reports its uptime.
        return {"protocol": PROTOCOL, "pod_uid": pod_uid, "up_ms": round((loop.time() - began) * 1000)}

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _is_trusted(writer):
                await _Session(reader, writer, runs, languages, write_log_line, identity).run()
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            return
        finally:
            writer.close()

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(_address())
    return await asyncio.start_unix_server(accept, sock=listener, limit=MAX_FRAME_BYTES, backlog=128)


def _address() -> str:
    """
    A file in a folder that programs do not see, if the pod has one. Where programs have namespaces of their own, an
    abstract name is not enough: the whole sandbox shares those, and the pid of a peer may be that of its namespace.
    """
    if not os.path.isdir(SOCKET_FOLDER):
        return ADDRESS
    path = os.path.join(SOCKET_FOLDER, "socket")
    # Of an earlier container of the pod.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return path


def _is_trusted(writer: asyncio.StreamWriter) -> bool:
    """
    Only a process that entered the pod from outside is trusted (see processes.is_visitor). The kernel
    recorded its pid when it connected. Limitation: a program is trusted if it connects and dies, and a
    process from outside gets its pid before this line runs. For that, all pids must be used up once within
    the few milliseconds until the connection is accepted. The program would still not gain a verdict: runs
    are bound to a digest of their request, and only results of real executions are ever sent.
    """
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, _, _ = struct.unpack("3i", peer)
    return is_visitor(pid)


class _Session:
    """One connection. It may request several runs, one after the other or at the same time."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        runs: Runs,
        languages: dict[str, Language],
        write_log_line: WriteLogLine,
        identity: Callable[[], dict],
    ):
        self._reader = reader
        self._writer = writer
        self._runs = runs
        self._languages = languages
        self._write_log_line = write_log_line
        self._identity = identity
        self._joined: dict[str, tuple[Run, object]] = {}
        self._loop = asyncio.get_running_loop()
        # Since when the connection has had no run, by the loop's clock.
        self._idle_since = self._loop.time()
        self._unsent = Batch(self._loop, runs.batch_delay, self._write)

    async def run(self) -> None:
        alive = self._loop.create_task(self._send_alive())
        try:
            while True:
                line = await self._next_line()
                if line is None:
                    return
                self._answer(line)
        finally:
            alive.cancel()
            self._unsent.flush()
            for run, listener in self._joined.values():
                run.listeners.remove(listener)

    async def _next_line(self) -> bytes | None:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            self._send({"type": "error", "code": "invalid", "message": f"a frame has at most {MAX_FRAME_BYTES} bytes"})
            return None
        except asyncio.IncompleteReadError:
            return None

    def _answer(self, line: bytes) -> None:
        channel = None
        try:
            frame = json.loads(line)
            if not isinstance(frame, dict):
                raise InvalidRequest("a frame must be a JSON object")
            channel = _channel(frame)
            op = frame.get("op")
            if op == "ping":
                self._send({"type": "pong"})
            elif op == "cancel":
                self._runs.cancel(str(frame.get("key")))
            elif op == "leave":
                self._leave(channel)
            elif op == "run":
                offsets, binary = _offsets(frame), _is_binary(frame)
                self._join(channel, self._runs.submit(parse_run(frame, self._languages)), offsets, binary)
            elif op == "stdin":
                self._feed(channel, frame)
            elif op == "read":
                self._read(channel, frame)
            elif op == "say":
                self._log(frame)
            else:
                raise InvalidRequest(f"op {op!r} is unknown")
        except (InvalidRequest, ValueError, RecursionError) as error:
            self._refuse(channel, "invalid", error)
        except (Unknown, Forgotten) as error:
            self._refuse(channel, "unknown", error)
        except Busy as error:
            self._refuse(channel, "busy", error)
        except NotYet as error:
            self._refuse(channel, "not_yet", error)
        except KeyTaken as error:
            self._refuse(channel, "key_taken", error)

    def _refuse(self, channel: "str | None", code: str, error: Exception) -> None:
        self._send({"type": "error", "channel": channel, "code": code, "message": str(error)})

    def _feed(self, channel: str, frame: dict) -> None:
        feed = parse_feed(frame)
        run = self._runs.find(feed.key)
        if run is None or not isinstance(run.stdin, FedStdin):
            raise Unknown("there is no run of this key that takes input")
        run.stdin.feed(feed.offset, feed.data, feed.eof)
        self._send({"type": "input", "channel": channel, "received": run.fed, "over": run.state == "finished"})

    def _read(self, channel: str, frame: dict) -> None:
        read = parse_read(frame)
        run = self._runs.find(read.key)
        if run is None or run.state != "finished":
            raise Unknown("there is no run of this key that has ended")
        data = run.captures[read.stream].read(read.start, read.end)
        self._send_output(channel, read.stream, read.start, data, _is_binary(frame))
        self._send({"type": "read", "channel": channel, "execution": run.execution_id, "to": read.start + len(data)})

    def _log(self, frame: dict) -> None:
        submission_id, text = frame.get("submission_id"), frame.get("text")
        if not isinstance(submission_id, str) or not isinstance(text, str) or len(text) > MAX_LOG_LINE:
            raise InvalidRequest(f"submission_id and text must be strings, text of at most {MAX_LOG_LINE} characters")
        self._write_log_line(submission_id, text)

    def _join(self, channel: str, run: Run, offsets: dict[str, int], binary: bool) -> None:
        self._leave(channel)
        accepted = {"type": "accepted", "state": run.state, "position": self._runs.position(run)}
        self._send(
            {**accepted, "channel": channel, "execution": run.execution_id, "input": run.fed, **self._identity()}
        )
        for name, capture in run.captures.items():
            self._send_output(channel, name, offsets[name], capture.head[offsets[name]:], binary)
        if run.state == "finished":
            self._send_end(channel, run, binary)
            return

        def listener(event: dict) -> None:
            if event["type"] == "output":
                self._send_output(channel, event["stream"], event["offset"], event["data"], binary)
            elif event["type"] == "finished":
                self._leave(channel)
                self._send_end(channel, run, binary)
            else:
                if event["type"] == "error":
                    self._leave(channel)
                self._send({**event, "channel": channel})

        run.listeners.append(listener)
        self._joined[channel] = (run, listener)

    def _leave(self, channel: str) -> None:
        run, listener = self._joined.pop(channel, (None, None))
        if run is not None:
            run.listeners.remove(listener)
            self._idle_since = self._loop.time()

    def _send_end(self, channel: str, run: Run, binary: bool) -> None:
        for name, capture in run.captures.items():
            tail = capture.tail
            self._send_output(channel, name, capture.total - len(tail), tail, binary)
        self._send({"type": "end", "channel": channel, "result": run.result})

    def _send_output(self, channel: str, stream: str, offset: int, data: bytes, binary: bool) -> None:
        size = BINARY_CHUNK_BYTES if binary else CHUNK_BYTES
        for start in range(0, len(data), size):
            chunk = data[start:start + size]
            frame = {"type": "output", "channel": channel, "stream": stream, "offset": offset + start}
            if binary:
                # The two must stay together: no other frame may come between them.
                self._send({**frame, "bytes": len(chunk)})
                self._unsent.add(chunk)
            else:
                self._send({**frame, "data": base64.b64encode(chunk).decode()})

    def _send(self, frame: dict) -> None:
        self._unsent.add(_encode(frame).encode() + b"\n")

    def _write(self, frames: bytes) -> None:
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._writer.transport.abort()
        elif not self._writer.is_closing():
            self._writer.write(frames)

    async def _send_alive(self) -> None:
        """Sends `alive` frames, or closes the connection when it has had no run for too long."""
        while True:
            await asyncio.sleep(ALIVE_INTERVAL)
            if self._joined:
                self._send({"type": "alive"})
            elif self._loop.time() - self._idle_since > IDLE_DEADLINE:
                self._writer.close()


def _channel(frame: dict) -> str:
    """The client's name for this conversation. All of its frames repeat the name."""
    channel = frame.get("channel", frame.get("key", ""))
    if not isinstance(channel, str) or len(channel) > MAX_KEY_LENGTH:
        raise InvalidRequest(f"channel must be a string of at most {MAX_KEY_LENGTH} characters")
    return channel


def _is_binary(frame: dict) -> bool:
    """Whether the client can receive output as bytes that follow a frame. Older ones cannot."""
    binary = frame.get("binary", False)
    if not isinstance(binary, bool):
        raise InvalidRequest("binary must be true or false")
    return binary


def _offsets(frame: dict) -> dict[str, int]:
    """How much of each head the client already has. Those bytes are not sent again."""
    given = frame.get("from", {})
    if not isinstance(given, dict):
        raise InvalidRequest("from must be an object")
    offsets = {name: given.get(name, 0) for name in ("stdout", "stderr", "report")}
    if any(type(offset) is not int or offset < 0 for offset in offsets.values()):
        raise InvalidRequest("from.stdout, from.stderr and from.report must be whole numbers, at least 0")
    return offsets
