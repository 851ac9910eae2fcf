"""An object store with Amazon's interface, and a web server, on loopback: as much of both as reading needs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlparse


class Objects(dict[str, bytes]):
    """What the store holds, by `bucket/key`; connections break off in the middle of those that are `cut`."""

    def __init__(self) -> None:
        super().__init__()
        self.cut: set[str] = set()
        self.address = ""


@contextmanager
def object_store() -> Iterator[Objects]:
    """A store that answers until the block ends."""
    objects = Objects()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, with_body: bool) -> None:
            url = urlparse(self.path)
            query, key = parse_qs(url.query), unquote(url.path).lstrip("/")
            if "list-type" in query:
                self.send(200, listing(key.rstrip("/"), query.get("prefix", [""])[0]), {})
                return
            if key not in objects:
                self.send(404, b"", {})
                return
            data, headers, code = objects[key], {"ETag": '"1"', "Accept-Ranges": "bytes"}, 200
            headers["Last-Modified"] = "Mon, 01 Jan 2024 00:00:00 GMT"
            if asked := re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "")):
                low = int(asked[1]) if asked[1] else max(0, len(data) - int(asked[2]))
                high = min(int(asked[2]), len(data) - 1) if asked[1] and asked[2] else len(data) - 1
                headers["Content-Range"] = f"bytes {low}-{high}/{len(data)}"
                data, code = data[low : high + 1], 206
            self.send(code, data, headers, whole=key not in objects.cut, with_body=with_body)

        def send(self, code, data, headers, whole=True, with_body=True) -> None:
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                self.wfile.write(data if whole else data[: len(data) // 2])
            self.close_connection = not whole

    def listing(bucket: str, prefix: str) -> bytes:
        found = "".join(
            f"<Contents><Key>{key.removeprefix(bucket + '/')}</Key><Size>{len(objects[key])}</Size>"
            '<LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>"1"</ETag></Contents>'
            for key in sorted(objects)
            if key.startswith(f"{bucket}/{prefix}")
        )
        head = f"<Name>{bucket}</Name><Prefix>{prefix}</Prefix><IsTruncated>false</IsTruncated>"
        return f"<ListBucketResult>{head}{found}</ListBucketResult>".encode()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    objects.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield objects
    finally:
        server.shutdown()
        server.server_close()
