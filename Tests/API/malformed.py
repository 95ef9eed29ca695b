"""Requests that no well-behaved client sends, and the answers to them."""

from raw import request

PUT = "PUT /v1/log-level HTTP/1.1"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
# Behind this nothing can be told apart any more, or must not be: nothing is read after the answer.
END = True
# libmicrohttpd 1.0 refuses these by itself and closes, 0.9 does not: either will do.
MAY_END = None
# Requests that the HTTP library itself refuses, and rather closes than answers (`None`).
REFUSED = (400, None)


def get(path: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"


def put(body: bytes) -> bytes:
    return request(PUT, body=body)


def level(number: str) -> bytes:
    return put(b'{"level":"info","revert_after_seconds":' + number.encode() + b"}")


def framed(*headers: str, body: bytes = b"") -> bytes:
    return request(PUT, JSON, *headers) + body


# name, bytes, statuses, whether it is the last that is read
MALFORMED: list[tuple[str, bytes, tuple[int | None, ...], bool | None]] = [
    # Targets (RFC 9112 §3.2)
    ("a target of another host", get(b"http://evil.example/livez"), (403,), False),
    ("a target in absolute form", get(b"http://localhost/livez"), (200,), False),
    ("a target of another scheme", get(b"ftp://localhost/livez"), (400,), False),
    ("a target without a slash", get(b"livez"), (400,), False),
    ("CONNECT", request("CONNECT localhost:9 HTTP/1.1"), (400, 405), False),
    ("* for GET", get(b"*"), (400,), False),
    ("OPTIONS *", request("OPTIONS * HTTP/1.1"), (204,), False),
    ("no UTF-8 in the path, encoded", get(b"/v1/peers/%ff%fe"), (400,), False),
    ("no UTF-8 in the path, raw", get(b"/v1/peers/\xff\xfe"), (400,), False),
    ("UTF-8 that is too long", get(b"/v1/peers/%c0%af"), (400,), False),
    ("a surrogate", get(b"/v1/peers/%ed%a0%80"), (400,), False),
    ("no UTF-8 in the query", get(b"/v1/peers?cursor=%c3%28"), (400,), False),
    ("half a percent", get(b"/v1/peers/%4"), (400,), False),
    ("an encoded NUL in the path", get(b"/v1/peers/%00"), (400,), False),
    ("an encoded NUL in the query", get(b"/v1/peers?cursor=%00"), (400,), False),
    # libmicrohttpd 0.9 ends the target there.
    ("a raw NUL in the path", get(b"/livez\x00x"), (200, *REFUSED), False),
    ("dots in the path", get(b"/v1/../livez"), (404,), False),
    ("encoded dots", get(b"/%2e%2e/livez"), (404,), False),
    ("an encoded slash", get(b"/v1%2fnode"), (404,), False),
    ("two slashes", get(b"//livez"), (404,), False),
    ("a path of 8 KiB", get(b"/" + b"a" * 8_191), (404,), False),
    ("a path of more", get(b"/" + b"a" * 8_192), (414,), END),
    ("a path of 31 KiB", get(b"/" + b"a" * 31_000), (414,), END),
    ("128 query parameters", get(b"/v1/peers?" + b"&".join([b"state=idle"] * 128)), (200,), False),
    ("1,000 query parameters", get(b"/v1/peers?" + b"a&" * 1_000), (400,), END),
    # Request lines
    ("an unknown method", request("BREW /livez HTTP/1.1"), (405,), False),
    ("a method in lower case", request("get /livez HTTP/1.1"), (405,), False),
    ("TRACE", request("TRACE /livez HTTP/1.1"), (405,), False),
    ("HTTP/1.0", request("GET /livez HTTP/1.0"), (200,), END),
    ("HTTP/0.9", b"GET /livez\r\n\r\n", (400, 505, None), END),
    ("HTTP/2 by prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505, None), END),
    ("HTTP/9.9", request("GET /livez HTTP/9.9"), (400, 505, None), END),
    (
        "no HTTP at all",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n",
        (400, 505, None),
        END,
    ),
    # Which may be read (RFC 9112 §3).
    ("two spaces", request("GET  /livez HTTP/1.1"), (200, *REFUSED), MAY_END),
    ("a space in the target", request("GET /livez x HTTP/1.1"), REFUSED, MAY_END),
    ("empty lines before it", b"\r\n\r\n" + get(b"/livez"), (200, None), False),
    # Headers
    ("no Host", b"GET /livez HTTP/1.1\r\n\r\n", (400,), END),
    ("no Host in HTTP/1.0", b"GET /livez HTTP/1.0\r\n\r\n", (403,), END),
    ("two Hosts", request("GET /livez HTTP/1.1", "Host: localhost"), (400,), END),
    ("a Host that is none", b"GET /livez HTTP/1.1\r\nHost: local host\r\n\r\n", (400, 403), False),
    ("a Host with a port that is none", b"GET /livez HTTP/1.1\r\nHost: localhost:99999\r\n\r\n", (400, 403), False),
    # libmicrohttpd 0.9 ends the value there.
    ("a NUL in a header", request("GET /livez HTTP/1.1", "X-A: a\x00b"), (200, *REFUSED), MAY_END),
    ("a bare CR in a header", request("GET /livez HTTP/1.1", "X-A: a\rX-B: b"), REFUSED, END),
    ("a NUL in a header's name", request("GET /livez HTTP/1.1", "X\x00A: b"), REFUSED, END),
    ("a header without a colon", request("GET /livez HTTP/1.1", "X-A"), REFUSED, END),
    # libmicrohttpd 0.9 leaves it out.
    ("a header without a name", request("GET /livez HTTP/1.1", ": a"), (200, *REFUSED), MAY_END),
    ("a space before the colon", request("GET /livez HTTP/1.1", "X-A : a"), REFUSED, END),
    ("a folded header", request("GET /livez HTTP/1.1", "X-A: a\r\n b"), (400, 200), MAY_END),
    ("a fold before the first header", b"GET /livez HTTP/1.1\r\n Host: localhost\r\n\r\n", REFUSED, END),
    ("a header of 20 KiB", request("GET /livez HTTP/1.1", "X-A: " + "a" * 20_000), (200,), False),
    ("a header of 33 KiB", request("GET /livez HTTP/1.1", "X-A: " + "a" * 33_000), (431, None), END),
    ("5,000 headers", request("GET /livez HTTP/1.1", *["A:b"] * 5_000), (431, None), END),
    ("an X-Request-Id of 65", request("GET /livez HTTP/1.1", "X-Request-Id: " + "a" * 65), (200,), False),
    # Framing (RFC 9112 §6, §7)
    ("Content-Length twice, alike", framed("Content-Length: 2", "Content-Length: 2", body=b"{}"), (400,), END),
    ("Content-Length twice, unlike", framed("Content-Length: 2", "Content-Length: 3", body=b"{}"), (400,), END),
    ("two lengths in one field", framed("Content-Length: 2, 2", body=b"{}"), REFUSED, END),
    ("a length with a sign", framed("Content-Length: +2", body=b"{}"), REFUSED, END),
    ("a negative length", framed("Content-Length: -2", body=b"{}"), REFUSED, END),
    ("a length in base 16", framed("Content-Length: 0x2", body=b"{}"), REFUSED, END),
    ("a length that is no number", framed("Content-Length: two", body=b"{}"), REFUSED, END),
    ("a length with a space in it", framed("Content-Length: 2 2", body=b"{}"), REFUSED, END),
    ("an empty length", framed("Content-Length:", body=b"{}"), REFUSED, END),
    ("a length beyond 64 bits", framed("Content-Length: 99999999999999999999", body=b"{}"), (400, 413, None), END),
    ("a length that is too large", framed("Content-Length: 1073741824"), (413,), END),
    ("a length and chunks", framed("Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"), (400,), END),
    ("chunks and a length", framed(CHUNKED, "Content-Length: 5", body=b"0\r\n\r\n"), (400,), END),
    ("an encoding that is unknown", framed("Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), (400,), END),
    ("gzip", framed("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), (400,), END),
    ("chunked, identity", framed("Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), (400,), END),
    ("chunked twice", framed(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), (400,), END),
    ("chunks in HTTP/1.0", framed(CHUNKED, body=b"0\r\n\r\n").replace(b"/1.1", b"/1.0"), (400,), END),
    ("a chunk size that is none", framed(CHUNKED, body=b"zz\r\n{}\r\n0\r\n\r\n"), REFUSED, END),
    ("a negative chunk size", framed(CHUNKED, body=b"-2\r\n{}\r\n0\r\n\r\n"), REFUSED, END),
    ("a chunk size of 17 digits", framed(CHUNKED, body=b"10000000000000002\r\n{}\r\n0\r\n\r\n"), (400, 413, None), END),
    ("a chunk that goes on", framed(CHUNKED, body=b"2\r\n{}x\r\n0\r\n\r\n"), REFUSED, END),
    # libmicrohttpd 1.0 knows no extensions.
    ("a chunk extension", framed(CHUNKED, body=b'10;x="y"\r\n{"level":"info"}\r\n0\r\n\r\n'), (200, *REFUSED), MAY_END),
    # libmicrohttpd 0.9 calls it 500, and blames itself; 1.0 waits for more.
    (
        "a chunk extension of 40 KiB",
        framed(CHUNKED, body=b"2;" + b"a" * 40_000 + b"\r\n{}\r\n0\r\n\r\n"),
        (400, 408, 413, 431, 500, None),
        END,
    ),
    ("trailers of 40 KiB", framed(CHUNKED, body=b"0\r\n" + b"a: b\r\n" * 7_000 + b"\r\n"), (400, 413, 431, None), END),
    ("an expectation that is unknown", request("GET /livez HTTP/1.1", "Expect: a miracle"), (417, 200), False),
    # Bodies
    ("a body where there is none", request("GET /v1/node HTTP/1.1", JSON, "Content-Length: 2") + b"{}", (400,), False),
    ("no UTF-8 in the body", put(b'{"level":"\xff"}'), (400,), False),
    ("a byte order mark", put(b'\xef\xbb\xbf{"level":"info"}'), (400,), False),
    ("UTF-16", put('{"level":"info"}'.encode("utf-16")), (400,), False),
    ("a NUL in the body", put(b'{"level":"in\x00fo"}'), (400,), False),
    ("an escaped NUL", put(b'{"level":"in\\u0000fo"}'), (400,), False),
    ("a NUL behind the body", put(b'{"level":"info"}\x00'), (400,), False),
    ("half a surrogate", put(b'{"level":"\\ud800"}'), (400,), False),
    ("a key twice", put(b'{"level":"info","level":"debug"}'), (400,), False),
    ("a key twice, once escaped", put(b'{"level":"info","\\u006cevel":"debug"}'), (400,), False),
    ("2^53 + 1", level("9007199254740993"), (400,), False),
    ("2^63", level("9223372036854775808"), (400,), False),
    ("a number of 1,000 digits", level("1" * 1_000), (400,), False),
    ("1e999", level("1e999"), (400,), False),
    ("1e-999", level("1e-999"), (400,), False),
    ("NaN", level("NaN"), (400,), False),
    ("a number with a zero before it", level("0600"), (400,), False),
    ("a whole number with a fraction", level("600.0"), (200,), False),
    ("60,000 arrays in each other", put(b"[" * 60_000), (400,), False),
    ("60,000 objects in each other", put(b'{"a":' * 12_000), (400,), False),
    ("100,000 arrays in each other", put(b"[" * 100_000), (413,), False),
    ("two values", put(b"{}{}"), (400,), False),
    ("a comment", put(b'{"level":"info"/**/}'), (400,), False),
    ("a comma at the end", put(b'{"level":"info",}'), (400,), False),
    ("64 KiB", put(b'{"level":"info"' + b" " * (65_536 - 16) + b"}"), (200,), False),
    ("64 KiB and one byte", put(b'{"level":"info"' + b" " * (65_536 - 15) + b"}"), (413,), False),
    (
        "a body that does not say what it is",
        framed("Content-Length: 2", body=b"{}").replace(JSON.encode(), b"X: y"),
        (415,),
        False,
    ),
]
