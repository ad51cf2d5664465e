"""Serve the built book on this machine.

Usage: python serve.py [PORT]          (in the repository: make serve PORT=8000)
"""

import functools
import http.server
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_OFFLINE = _HERE / "html"  # in the zip file of `make pdf`, the book is beside this program
HTML = _OFFLINE if _OFFLINE.is_dir() else _HERE.parent / "_build" / "html"


def main() -> int:
    """Serve until Ctrl-C; return 1 if the port cannot be used."""
    port = sys.argv[1] if len(sys.argv) > 1 else "8000"
    if not port.isdecimal() or int(port) > 65535:
        print(f"PORT must be a number from 0 to 65535, got {port}", file=sys.stderr)
        return 1
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=HTML)
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), handler)
    except OSError as error:
        print(f"port {port} cannot be used ({error.strerror}); name another one: make serve PORT=8001", file=sys.stderr)
        return 1
    with server:
        print(f"The book is at http://127.0.0.1:{server.server_port}/ (press Ctrl-C to stop)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
