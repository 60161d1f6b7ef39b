import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            print("has a slow request")
            time.sleep(3)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"served\n")


address = os.environ.get("LISTEN_ON", "0.0.0.0")
server = ThreadingHTTPServer((address, int(os.environ["PORT"])), Handler)
print("serving")
server.serve_forever()
