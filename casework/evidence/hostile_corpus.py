"""The hand-picked hostile inputs, by where they go: texts, JSON values, headers, bodies, whole requests on the wire.

Each was chosen for a parser, a column or a library that has fallen to its like. MARK stands in the free texts, so that an
answer which repeats its input is seen; `None` is the absence of the header or member.
"""

from __future__ import annotations

MARK = "zq7mark"

# For a place in the address: percent-encoded here already, sent as they are.
TEXTS: tuple[str, ...] = (
    "", "%20", "+", "%00", "a%00b", "%01", "%0a", "%0d%0aX-Injected:%20" + MARK, "%09", "%1b%5b31m", "%7f", "%80", "%c0%80",
    "%c0%ae%c0%ae", "%e0%80%af", "%ed%a0%80", "%ed%bf%bf", "%ef%bf%bd", "%ef%bf%be", "%ef%bf%bf", "%f4%90%80%80", "%fe",
    "%ff", "%ff%fe", "%u0000", "%", "%2", "%zz", "%25", "%2500", "%252e%252e%252f", "..", ".", "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd", "..%5c..%5cwindows", "%2e%2e", "//", "%2f", "%5c", ";", ";a=b", ":", "@", "*", "~", "!", "$",
    "&", "=", "%26", "%3d", "%23", "%3f", "%27", "%22", "%3cscript%3e" + MARK, "%7b%7b7*7%7d%7d" + MARK, "$%7bjndi:ldap%7d" + MARK,
    "1%27%20OR%20%271%27=%271" + MARK, "1;DROP%20TABLE%20cases--" + MARK, "%27%3bselect%20pg_sleep(9)--" + MARK, "*)(uid=*" + MARK,
    "0", "-0", "-1", "1", "00", "01", "1.0", "1e3", "1e400", "-1e400", "0x10", "0b1", "1_000", "%D9%A1%D9%A2",
    "%EF%BC%91", "2147483647", "2147483648", "-2147483649", "4294967296", "9007199254740993", "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "18446744073709551616", "9" * 400, "NaN", "nan", "Infinity", "-inf",
    "true", "false", "True", "null", "None", "undefined", "[]", "{}", "%5b1%5d", "0000-00-00", "0001-01-01", "9999-12-31",
    "10000-01-01", "-0001-01-01", "2026-02-30", "2026-13-01", "2026-1-1", "20260101", "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00%2B99:99", "0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59", "2026-W01-1", "now",
    "infinity", "-infinity", "epoch", "today", "1700000000", "-62135596801", "1e18", "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff", "01890000-0000-7000-8000-000000000000", "%7B01890000-0000-7000-8000-000000000000%7D",
    "urn:uuid:01890000-0000-7000-8000-000000000000", "0189000000007000800000000000", "01890000000070008000000000000000",
    "01890000-0000-7000-8000-00000000000g", "01890000-0000-7000-8000-000000000000%00", "eyJhbGciOiJub25lIn0" + MARK,
    "AAAAAAAAAAAAAAAAAAAAAFsxXQ", "AAAAAAAAAAAAAAAAAAAAAG51bGw", "%c3%a9" * 40 + MARK, "a" * 201 + MARK, "x" * 601 + MARK,
    "y" * 5_000 + MARK, "z" * 9_000 + MARK, "%e2%80%ae" + MARK, "%e2%80%8b" + MARK, "%ef%bb%bf" + MARK, "%d0%be%d1%80%d0%b5n" + MARK,
    "i%cc%87%cc%87%cc%87" + MARK, "%f0%9f%91%a8%e2%80%8d%f0%9f%91%a9" + MARK, "%c4%b0stanbul" + MARK, "%ef%b7%ba" + MARK,
)  # fmt: skip

# For one member of a JSON body: raw JSON.
VALUES: tuple[str, ...] = (
    "null", "true", "false", "0", "-0", "-0.0", "-1", "1", "1.5", "1e0", "1e3", "1e-400", "1e400", "-1e400", "1E+308", "2147483647",
    "2147483648", "-2147483649", "4294967296", "9007199254740991", "9007199254740993", "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "18446744073709551616", "9" * 400, "0." + "1" * 400, "NaN", "Infinity",
    "-Infinity", "01", "+1", ".5", "1.", "0x10", "1_000", "'a'", "undefined", "[]", "{}", "[[]]", "[{}]", "[null]", '[""]',
    '{"":""}', '{"a":1,"a":2}', '{"__proto__":{"a":1}}', '{"$ne":null}', '{"text":"' + MARK + '"}', "[" * 40 + "]" * 40,
    '{"a":' * 40 + "1" + "}" * 40, "[" * 500 + "]" * 500, "[" + ",".join(["1"] * 1_001) + "]",
    "[" + ",".join(['""'] * 5_000) + "]", "{" + ",".join(f'"k{n}":{n}' for n in range(1_001)) + "}", '""', '" "', '"\\t\\n"',
    '"\\u0000"', '"a\\u0000b"', '"\x00"', '"\x01"', '"\x1f"', '"\x7f"', '"\\u001b[31m"', '"\\ud800"', '"\\udfff\\ud800"', '"\\ud83d"',
    '"\\ud83d\\ude00"', '"\\uffff"', '"\\ufffe"', '"\\ufffd"', '"\\u202e' + MARK + '"', '"\\u200b"', '"\\ufeff' + MARK + '"', '"\\x"',
    '"\\u12"', '"unterminated', '"аdmin ' + MARK + '"', '"İ̇' + MARK + '"', '"ﷺ' + MARK + '"', '"' + "é̂" * 90 + MARK + '"',
    '"' + "x" * 201 + MARK + '"', '"' + "x" * 4_001 + MARK + '"', '"' + "x" * 60_000 + MARK + '"', '"' + '\\"' * 3_000 + MARK + '"',
    '"0"', '"-1"', '"1e400"', '"NaN"', '"null"', '"true"', '"0000-00-00"', '"0001-01-01"', '"9999-12-31"', '"10000-01-01"',
    '"-0001-01-01"', '"2026-02-30"', '"2026-13"', '"2026-00"', '"0000"', '"0000-01"', '"2026-1-1"', '"2026-01-01T00:00:00Z"',
    '"2026-01-01T23:59:59.999999999+14:00"', '"9999-12-31T23:59:59-23:59"', '"0001-01-01T00:00:00+23:59"', '"infinity"',
    '"now"', '"00000000-0000-0000-0000-000000000000"', '"ffffffff-ffff-ffff-ffff-ffffffffffff"',
    '"01890000-0000-7000-8000-000000000000"', '"urn:uuid:01890000-0000-7000-8000-000000000000"', '"not-a-uuid-' + MARK + '"',
    '"<script>alert(1)</script>' + MARK + '"', '"\'; DROP TABLE cases; --' + MARK + '"', '"=HYPERLINK(1)' + MARK + '"', '"%00"',
    '"%s%s%n{0}{x}' + MARK + '"', '"../../etc/passwd' + MARK + '"', '"${jndi:ldap://x}' + MARK + '"', '"\\\\\\\\host\\\\' + MARK + '"',
    '"a\\r\\nSet-Cookie: ' + MARK + '"', "/* comment */ 1", "1 // comment", "[1,]", '{"a":1,}',
)  # fmt: skip

# For one header; bytes of any kind, as a careless or hostile client would send them.
HEADERS: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("X-Purpose-of-Use", (b"", b"curiosity", b"Case_Management", b"audit,audit", b"\xc3\xa9", b"x" * 300)),
    ("Authorization", (
        b"", b"Bearer", b"Bearer ", b"bearer x", b"Basic", b"Basic !!!!", b"Basic \xc3\xa9", b"Basic AAAA", b"Basic Og==", b"Basic gICA",
        b"Bearer a.b.c", b"Bearer ..", b"Bearer " + b"x" * 9_000, b"Bearer \xff\xfe", b"Bearer eyJhbGciOiJub25lIn0.e30.",
        b"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.AAAA", b"Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.bnVsbA.AAAA",
        b"Digest username=x", b"Negotiate YII", b"Bearer\tx", b"Bearer x, Basic y")),
    ("Accept-Language", (
        b"", b"*", b"en;q=", b"en;q=NaN", b"en;q=1e400", b"en;q=-1", b"xx-" + b"y" * 200, b",,,,", b";;;", b"fr;q=0", b"en" + b",en" * 900,
        b"\xff\xfe", b"en;q=0.5;q=1", b"fr\tCA", b"../../fr")),
    ("Content-Type", (
        b"", b"application/json; charset=utf-16", b"application/json; charset=\xff", b"text/plain", b"application/xml",
        b"multipart/form-data", b"multipart/form-data; boundary=", b"multipart/form-data; boundary=x", b"application/",
        b"application/json, text/plain", b"APPLICATION/JSON", b"application/vnd.api+json", b"application/merge-patch+json",
        b"application/x-www-form-urlencoded", b"application/x-ndjson", b"/", b"*/*", b"json", b"x" * 500)),
    ("Content-Encoding", (b"gzip", b"deflate", b"br", b"zstd", b"gzip, gzip", b"identity", b"IDENTITY", b"x" * 50, b"\xff", b"")),
    ("Accept", (b"", b"text/html", b"application/xml", b"*/*;q=0", b"\xff", b"a/b," * 500, b'application/json;version="')),
    ("If-Match", (
        b"", b"*", b"1", b'"1"', b'W/"1"', b'"0"', b'"-1"', b'"1e3"', b'"999999999999999999999"', b'"\xff"', b'""', b'"', b'"1", "2"',
        b'"1-auditor"', b'"\xd9\xa1"', b'"1"' * 60, b'"\xb2"', b'"1"; DROP', b"x" * 201)),
    ("If-None-Match", (b"", b"*", b'W/"1"', b'"' + b"x" * 5_000 + b'"', b"\xff", b'"1"' + b',"1"' * 500)),
    ("Idempotency-Key", (
        b"short", b"", b" ", b"x" * 101, b"x" * 5_000, b"with space inside", b"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", b"\xff" * 10,
        b"tab\tinside-key", b"'; DROP TABLE x--", b"../../../../etc", b"%00%00%00%00")),
    ("X-Purpose-Of-Use", (b"", b"x" * 5_000, b"\xff\xfe", b"'; DROP TABLE cases", b"\xc3\xa9", b"<script>", b"a,b,c")),
    ("traceparent", (b"", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00", b"ff-x", b"00-" + b"g" * 32, b"\xff", b"x" * 3_000)),
    ("Cookie", (b"", b"a=b; " * 500, b"\xff=\xff", b"session=" + b"x" * 4_000, b";;;;", b"__Host-x=y")),
    ("X-Forwarded-For", (b"", b"127.0.0.1", b"::1", b"not an address", b"1.2.3.4, " * 300, b"\xff", b"999.999.999.999")),
    ("Forwarded", (b"for=127.0.0.1", b'for="[::1]";proto=x', b"\xff")),
    ("X-HTTP-Method-Override", (b"DELETE", b"PATCH", b"\xff")),
    ("X-Original-URL", (b"/v1/users", b"//evil", b"\xff")),
    ("Range", (b"bytes=0-0", b"bytes=" + b"0-," * 900, b"bytes=-1", b"x")),
    ("Origin", (b"null", b"https://evil.example", b"\xff")),
    ("Host", (b"", b"evil.example", b"a b", b"[::1]:99999", b"\xff", b"localhost:0", b"x" * 3_000, b"127.0.0.1@evil.example")),
    ("Expect", (b"100-continue", b"200-ok", b"\xff")),
    ("Connection", (b"close", b"upgrade", b"keep-alive, authorization", b"\xff")),
    ("Upgrade", (b"h2c", b"websocket", b"\xff")),
    ("TE", (b"trailers", b"chunked;q=1e9")),
    ("X-Long", (b"x" * 20_000, b"y" * 40_000)),
)  # fmt: skip

# For a whole body.
BODIES: tuple[bytes, ...] = (
    b"", b" ", b"\x00", b"\xff", b"{", b"}", b"[", b"]", b'"', b"{}", b"[]", b"null", b"true", b"0", b'""', b"{}{}", b"{} x", b"[1,2",
    b'{"a"}', b'{"a":}', b'{"a":1,}', b"{'a':1}", b"{a:1}", b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"\xfe\xff\x00{\x00}",
    b'{"a":"\xc0\x80"}', b'{"a":"\xed\xa0\x80"}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e400}', b'{"a":1,"a":2}', b'{"\\u0000":1}',
    b'{"\\ud800":1}', b'{"":{"":{"":1}}}', b"[" * 500 + b"]" * 500, b"[" * 60_000, b'{"a":' * 500 + b"1" + b"}" * 500,
    b'"' + b'\\"' * 32_000, b'{"a":"' + b"x" * 65_600 + b'"}', b"x" * 66_000, b"x" * 300_000,
    b"{" + b",".join(b'"k%d":1' % n for n in range(1_001)) + b"}", b"[" + b"1," * 30_000 + b"1]", b"9" * 60_000, b"-" * 1_000,
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", b"a: &a [*a,*a]",
    b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n", b"grant_type=client_credentials&" * 30,
    b"grant_type=client_credentials&grant_type=x", b"grant_type=%00", b"grant_type=%ff&client_id=%ed%a0%80",
    b"grant_type=client_credentials&client_id=01890000-0000-7000-8000-000000000000&client_secret=" + b"s" * 6_000,
    b"grant_type=client_credentials&scope=" + b"case:read%20" * 600, b"=&=&=", b"&&&&", b"%", b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
)  # fmt: skip

# Methods no route has.
METHODS: tuple[str, ...] = (
    "PUT",
    "DELETE",
    "OPTIONS",
    "HEAD",
    "TRACE",
    "PROPFIND",
    "SEARCH",
    "LINK",
    "PURGE",
    "M-SEARCH",
)


def size() -> int:
    """How many inputs were picked, the whole requests of `hostile_wire` included."""
    from casework.evidence.hostile_wire import SHAPES

    headers = sum(len(values) for _, values in HEADERS)
    return len(set(TEXTS)) + len(set(VALUES)) + headers + len(set(BODIES)) + len(METHODS) + len(SHAPES)
