"""A password-protected package index on loopback with greeting 1.0, and with sourced, which has no wheel.
Prints its port, then serves.
"""

import base64
import hashlib
import http.server
import io
import zipfile

WHEEL = "greeting-1.0-py3-none-any.whl"
AUTHORIZATION = "Basic " + base64.b64encode(b"worker:secret").decode()
FILES = {
    "greeting/__init__.py": "def greet():\n    return 'Hello from a package'\n",
    "greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
    "greeting-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def wheel() -> bytes:
    data = io.BytesIO()
    record = "greeting-1.0.dist-info/RECORD"
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
        archive.writestr(record, "".join(f"{name},,\n" for name in [*FILES, record]))
    return data.getvalue()


class Index(http.server.BaseHTTPRequestHandler):
    wheel = wheel()

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != AUTHORIZATION:
            self.answer(401, b"who are you?")
        elif self.path == "/simple/greeting/":
            digest = hashlib.sha256(self.wheel).hexdigest()
            self.answer(200, f'<a href="/files/{WHEEL}#sha256={digest}">{WHEEL}</a>'.encode())
        elif self.path == "/simple/sourced/":
            names = ["sourced-0.9.zip", "sourced-1.0.tar.gz", "sourced-1.1.tar.gz"]
            self.answer(200, "".join(f'<a href="/files/{name}">{name}</a>\n' for name in names).encode())
        elif self.path == f"/files/{WHEEL}":
            self.answer(200, self.wheel)
        else:
            self.answer(404, b"no such package")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
print(server.server_port, flush=True)
server.serve_forever()
