import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"served\n")


address = os.environ.get("LISTEN_ON", "0.0.0.0")
server = HTTPServer((address, int(os.environ["PORT"])), Handler)
print("serving")
server.serve_forever()
