import type { Program } from './draft';

/** An example is `testOnly` if its program reads its input, because production provides only `stdin`. */
export interface Example extends Program {
  name: string;
}

const python = { language: 'python', entrypoint: 'main.py' };
const javascript = { language: 'javascript', entrypoint: 'main.js' };

export const EXAMPLES: [Example, ...Example[]] = [
  { name: 'Hello', ...python, code: "print('Hello')\n" },
  { name: 'A syntax error', ...python, code: "print('broken'\n" },
  {
    name: 'Live output, in colour',
    ...python,
    code: `import sys
import time

for n in range(1, 21):
    print(f"\\x1b[3{n % 6 + 1}mline {n}\\x1b[0m", flush=True)
    if n % 5 == 0:
        print(f"{n} lines so far", file=sys.stderr, flush=True)
    time.sleep(0.2)
`,
  },
  {
    name: 'Tested with cases',
    ...python,
    code: 'n = int(input())\nprint(n * 2 if n < 3 else n * 3)\n',
    tests: {
      cases: [
        { name: 'two', stdin: '2', expected_stdout: '4' },
        { name: 'five', stdin: '5', expected_stdout: '10' },
      ],
    },
    testOnly: true,
  },
  {
    name: 'A web server',
    ...python,
    code: `import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Hello\\n")


HTTPServer(("", int(os.environ["PORT"])), Hello).serve_forever()
`,
  },
  {
    name: 'A web server in JavaScript',
    ...javascript,
    code: "require('http')\n  .createServer((request, response) => response.end('Hello\\n'))\n  .listen(process.env.PORT);\n",
  },
];
