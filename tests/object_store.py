"""An object store and a web server on loopback: as much of both as reading needs, and what can go wrong."""

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlparse

PAGE = 1000  # keys of a listing, of which the next page tells more


class Answer(NamedTuple):
    """What is sent: so many bytes are promised, and these come."""

    code: int
    data: bytes
    headers: Mapping[str, str] = MappingProxyType({})
    promised: int | None = None
    pause: float = 0.0  # seconds before each eighth of it


def half(answer: Answer) -> Answer:
    """The connection breaks off in the middle."""
    return answer._replace(data=answer.data[: len(answer.data) // 2], promised=len(answer.data))


def short(answer: Answer) -> Answer:
    """The middle is the end, as far as the answer says."""
    return answer._replace(data=answer.data[: len(answer.data) // 2])


def busy(_: Answer) -> Answer:
    return Answer(503, b"<Error><Code>SlowDown</Code></Error>")


def forbidden(_: Answer) -> Answer:
    return Answer(403, b"<Error><Code>AccessDenied</Code></Error>")


def gone(_: Answer) -> Answer:
    return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")


def slow(answer: Answer) -> Answer:
    return answer._replace(pause=0.01)


def silent(answer: Answer) -> Answer:
    """Nothing comes for longer than anybody waits."""
    return answer._replace(pause=2.0)


FAULTS = {one.__name__: one for one in (half, short, busy, forbidden, gone, slow, silent)}


class Objects(dict[str, bytes]):
    """What the store holds, by `bucket/key`.

    `faults` say what is wrong with the answers for a key, or with those for "listing": the fault, and how many answers
    have it (None: all). `later` replaces what the store holds as soon as its key was asked for so many times.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, tuple[str, int | None]] = {}
        self.asked: Counter[str] = Counter()
        self.later: dict[str, tuple[int, dict[str, bytes]]] = {}
        self.page = PAGE
        self.address = ""

    def clear(self) -> None:
        """An empty store without faults."""
        super().clear()
        self.faults.clear()
        self.asked.clear()
        self.later.clear()
        self.page = PAGE

    def answered(self, key: str, right: Answer) -> Answer:
        """What is sent in place of the right answer."""
        self.asked[key] += 1
        fault, times = self.faults.get(key, ("", 0))
        if fault and (times is None or self.asked[key] <= times):
            return FAULTS[fault](right)
        return right

    def turn(self, key: str) -> None:
        """Replace what is to be replaced now."""
        times, content = self.later.get(key, (0, {}))
        if content and self.asked[key] >= times:
            super().clear()
            self.update(content)


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
            if "list-type" in query or "comp" in query:  # Amazon's and Google's, or Azure's
                prefix, after = (query.get(name, [""])[0] for name in ("prefix", "continuation-token"))
                found = Answer(200, (blobs if "comp" in query else listing)(key.rstrip("/"), prefix, after))
                self.send(objects.answered("listing", found), with_body)
                objects.turn("listing")
                return
            if key not in objects:
                self.send(Answer(404, b""), with_body)
                return
            data, code = objects[key], 200
            headers = {"ETag": f'"{hash(data)}"', "Accept-Ranges": "bytes"}
            headers["Last-Modified"] = "Mon, 01 Jan 2024 00:00:00 GMT"
            if asked := re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "")):
                low = int(asked[1]) if asked[1] else max(0, len(data) - int(asked[2]))
                high = min(int(asked[2]), len(data) - 1) if asked[1] and asked[2] else len(data) - 1
                headers["Content-Range"] = f"bytes {low}-{high}/{len(data)}"
                data, code = data[low : high + 1], 206
            right = Answer(code, data, headers)
            self.send(objects.answered(key, right) if with_body else right, with_body)
            objects.turn(key)

        def send(self, answer: Answer, with_body: bool) -> None:
            size = len(answer.data) if answer.promised is None else answer.promised
            self.send_response(answer.code)
            for name, value in {**answer.headers, "Content-Length": str(size)}.items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                step = max(1, len(answer.data) // 8) if answer.pause else max(1, len(answer.data))
                for first in range(0, len(answer.data), step):
                    time.sleep(answer.pause)
                    self.wfile.write(answer.data[first : first + step])
            self.close_connection = size != len(answer.data)

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # whoever asked has gone
                self.close_connection = True

    def listing(bucket: str, prefix: str, after: str) -> bytes:
        keys = [key for key in sorted(objects) if key.startswith(f"{bucket}/{prefix}") and key > after]
        shown, is_cut = keys[: objects.page], len(keys) > objects.page
        found = "".join(
            f"<Contents><Key>{key.removeprefix(bucket + '/')}</Key><Size>{len(objects[key])}</Size>"
            f'<LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>"{hash(objects[key])}"</ETag></Contents>'
            for key in shown
        )
        more = f"<NextContinuationToken>{shown[-1]}</NextContinuationToken>" if is_cut else ""
        head = (
            f"<Name>{bucket}</Name><Prefix>{prefix}</Prefix><IsTruncated>{str(is_cut).lower()}</IsTruncated>"
        )
        return f"<ListBucketResult>{head}{more}{found}</ListBucketResult>".encode()

    def blobs(container: str, prefix: str, _: str) -> bytes:
        found = "".join(
            f"<Blob><Name>{key.removeprefix(container + '/')}</Name><Properties>"
            "<Last-Modified>Mon, 01 Jan 2024 00:00:00 GMT</Last-Modified>"
            f"<Content-Length>{len(objects[key])}</Content-Length><Content-Type>x/y</Content-Type>"
            f"<Etag>{hash(objects[key])}</Etag></Properties></Blob>"
            for key in sorted(objects)
            if key.startswith(f"{container}/{prefix}")
        )
        head = f"<Prefix>{prefix}</Prefix>"
        return f"<EnumerationResults>{head}<Blobs>{found}</Blobs><NextMarker/></EnumerationResults>".encode()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    objects.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield objects
    finally:
        server.shutdown()
        server.server_close()
