"""A stand-in for the original, to measure against: a WebSocket server that shells out to kubectl.

A message is {"user_id", "code"}. The code is run by `kubectl exec` in the user's test pod; when it passes, a Deployment
that runs it is applied and its rollout awaited, both by kubectl. MANIFEST holds the Deployment as JSON; __USER__ and
__CODE__ in it are replaced. KUBECTL is the command as a JSON list. Prints its port when it is ready.
"""

import asyncio
import base64
import hashlib
import json
import os

KUBECTL = json.loads(os.environ["KUBECTL"])
MANIFEST = os.environ["MANIFEST"]
ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
TEXT, CLOSE = 1, 8


async def kubectl(*arguments, given=None):
    process = await asyncio.create_subprocess_exec(
        *KUBECTL,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.communicate(given)
    return process.returncode


async def answer(message):
    user, code = message["user_id"], message["code"]
    namespace = f"user-{user}"
    if await kubectl("exec", f"{user}-test", "-n", namespace, "--", "python3", "-c", code) != 0:
        return {"status": "tests_failed", "namespace": namespace}
    manifest = MANIFEST.replace("__USER__", user).replace("__CODE__", json.dumps(code)[1:-1])
    if await kubectl("apply", "-f", "-", given=manifest.encode()) != 0:
        return {"status": "deploy_failed", "namespace": namespace}
    rollout = await kubectl("rollout", "status", f"deployment/{user}-reference", "-n", namespace)
    return {"status": "deployed" if rollout == 0 else "deploy_failed", "namespace": namespace}


async def read_frame(reader):
    """Reads one whole frame of a client: opcode and payload."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length > 125:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(length)
    return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def frame(opcode, payload):
    size = len(payload)
    length = bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + payload


async def serve(reader, writer):
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1)[:1] + line.split(": ", 1)[1:] for line in lines[1:] if line)
        key = hashlib.sha1(headers["sec-websocket-key"].encode() + ACCEPT).digest()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(key) + b"\r\n\r\n"
        )
        while True:
            opcode, payload = await read_frame(reader)
            if opcode == CLOSE:
                writer.write(frame(CLOSE, payload[:2]))
                break
            if opcode == TEXT:
                writer.write(frame(TEXT, json.dumps(await answer(json.loads(payload))).encode()))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # The client has disconnected.
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
