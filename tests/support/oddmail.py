"""Odd and malformed messages (reliability.md §3.6), the same ones every time.

    for odd in odd_messages():
        odd.name, odd.body, odd.date, odd.file, odd.letters

`body` is what a client sends or a program saves; `file` an odd file name in cur/ whose flags are
`letters`.  All names and, but for the twins, all bodies differ.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

MAX_DATE = 4_102_444_800  # 2100


@dataclass(frozen=True, slots=True)
class Odd:
    name: str
    body: bytes
    date: int
    file: bytes
    letters: str

    @property
    def has_nul(self) -> bool:
        return b"\0" in self.body

    @property
    def is_twin(self) -> bool:
        return self.name.startswith("twin")


def odd_messages(seed: int = 1) -> list[Odd]:
    rand = random.Random(seed)
    found: list[Odd] = []
    for number, (name, body) in enumerate(_all(rand)):
        file, letters = _file_name(number)
        date = DATES[number % len(DATES)] + number % 60
        if name.startswith("twin"):  # nothing at all tells them apart
            date, file, letters = DATES[-1], b"%d.twin:2,S" % number, "S"
        elif name.startswith(("id-same-header", "random")):  # the date may tell them apart
            date = DATES[-1] + number
        found.append(Odd(name, body, date, file, letters))
    return found


# -- dates and file names ----------------------------------------------------------------------

DATES = (
    0,  # 1970
    1,
    951_782_400,  # 29 February 2000
    1_000_000_000,
    1_483_228_799,  # beside a leap second
    1_679_792_399,  # one second before summer time begins in Europe
    1_679_792_400,
    1_698_541_200,  # an hour that comes twice
    2_147_483_640,  # 2038, and a minute later over the edge
    2_147_483_648,
    MAX_DATE,
    1_700_000_000,
)

_INFOS = (
    (b":2,", ""),
    (b":2,S", "S"),
    (b":2,FS", "FS"),
    (b":2,SF", "FS"),
    (b":2,SS", "S"),
    (b":2,Sab", "S"),
    (b":2,RSxyz", "RS"),
    (b",S=77,W=79:2,S", "S"),
    (b":2,DFPRST", "DFPRST"),
    (b";2,S", "S"),
    (b"!2,F", "F"),
    (b":2,S,x=1", "S"),
    (b":1,x", ""),
    (b":2,0S9", "S"),
    (b"", ""),
    (b":2,P", "P"),
)
_STEMS = (
    b"1700000000.M%dP1.host",
    b"%d",
    b"1700000000.%d.a b c",
    b"1700000000.%d.\xc3\xa4\xf0\x9f\x93\xa7",
    b"1700000000.%d.\xff\xfe\x80",
    b"-rf %d",
    b"1700000000.%d.line\nbreak",
    b"1700000000.%d.\x1b[31mred",
    b"1700000000.%d.%%00%%2e%%2e",
    b"%d." + b"x" * 200,
    b"~%d*?\"'`$(id)",
    b"%d:::",
    b"1700000000.O2222222U%010dRzz.host",
    b"%d.tab\there",
    b"1700000000_%d.V801I1",
)


def _file_name(number: int) -> tuple[bytes, str]:
    info, letters = _INFOS[number % len(_INFOS)]
    return _STEMS[number % len(_STEMS)] % number + info, letters


# -- bodies ------------------------------------------------------------------------------------


def head(subject: str, *more: bytes) -> bytes:
    lines = [b"From: a@odd.example", b"Subject: " + subject.encode(), *more]
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def _all(rand: random.Random) -> Iterator[tuple[str, bytes]]:
    for family in (
        _line_ends,
        _nuls,
        _headers,
        _message_ids,
        _looks_like_imap,
        _mime,
        _charsets,
        _lengths,
        _dates,
        _mbox,
        _twins,
        _edges,
    ):
        yield from family()
    yield from _random(rand)


def _line_ends() -> Iterator[tuple[str, bytes]]:
    """Every short pattern of line ends, in the body, in the header and at the end."""
    ends = {"lf": b"\n", "cr": b"\r", "crlf": b"\r\n", "crcrlf": b"\r\r\n", "lfcr": b"\n\r"}
    for one, first in ends.items():
        for two, second in ends.items():
            name = f"{one}-{two}"
            yield (
                f"body-{name}",
                head(name, b"Message-ID: <b%b@odd>" % name.encode()) + b"a" + first + b"b" + second,
            )
            yield (
                f"header-{name}",
                b"Subject: %b" % name.encode()
                + first
                + b"X: y"
                + second
                + first
                + b"text"
                + second,
            )
    more = {"none": b"", "crlfcr": b"\r\n\r", "crlflf": b"\r\n\n"}
    for count, (name, end) in enumerate({**ends, **more}.items(), 3):
        yield f"ends-with-{name}", head(f"end {name}") + b"line\r\nlast" + end
        yield f"only-{name}", end * count or b"x"
    for size in (1, 2, 3, 50):
        yield f"empty-lines-{size}", head(f"empty lines {size}") + b"\r\n" * size
    yield "crlf-file", head("crlf file") + b"a\r\nb\r\n"
    yield "lf-file", head("lf file").replace(b"\r\n", b"\n") + b"a\nb\n"
    yield "cr-file", head("cr file").replace(b"\r\n", b"\r") + b"a\rb\r"
    yield "mixed-in-halves", head("halves") + b"dos\r\n" * 20 + b"unix\n" * 20
    yield "one-bare-lf-late", head("late lf") + b"x\r\n" * 5000 + b"bare\n" + b"y\r\n" * 10
    yield "one-bare-cr-late", head("late cr") + b"x\r\n" * 5000 + b"bare\r" + b"y\r\n" * 10


def _nuls() -> Iterator[tuple[str, bytes]]:
    yield "nul-in-body", head("nul body") + b"a\0b\r\n"
    yield "nul-in-header", b"Subject: nul\0header\r\n\r\ntext\r\n"
    yield "nul-in-message-id", head("nul id", b"Message-ID: <nul\0id@odd>") + b"text\r\n"
    yield "nul-only", b"\0"
    yield "nuls-only", b"\0" * 1000
    yield "nul-first", b"\0" + head("nul first") + b"text\r\n"
    yield "nul-last", head("nul last") + b"text\r\n\0"
    yield "nul-and-bare-cr", head("nul cr") + b"a\0\rb\r\n"
    yield "nul-and-bare-lf", head("nul lf") + b"a\0\nb\n"
    yield "nul-utf-16", head("nul utf-16") + "Grüße\r\n".encode("utf-16")
    yield "nul-sparse", head("nul sparse") + b"\0" * (300 << 10) + b"end\r\n"


def _headers() -> Iterator[tuple[str, bytes]]:
    text = b"text\r\n"
    yield "only-headers", b"Subject: only headers\r\nFrom: a@odd\r\n"
    yield "only-headers-no-end", b"Subject: only headers, no end"
    yield "only-headers-and-blank", b"Subject: only headers and blank\r\n\r\n"
    yield "no-header", b"no header at all, just text\r\nand more\r\n"
    yield "empty-header", b"\r\nthe header is empty\r\n"
    yield "empty-header-lf", b"\nthe header is empty, LF\n"
    yield "only-a-blank-line", b"\r\n"
    yield "one-byte", b"1"
    yield "one-space", b" "
    yield "a-header-without-blank", b"Subject: no blank line\r\nthen text at once\r\n"
    yield "folded-subject", b"Subject: a\r\n b\r\n\tc\r\n \r\n d\r\n\r\n" + text
    yield "starts-folded", b" folded first\r\nSubject: x\r\n\r\n" + text
    yield "blank-line-of-spaces", b"Subject: spaces\r\n   \r\nX: y\r\n\r\n" + text
    yield "colon-first", b": no name\r\nSubject: x\r\n\r\n" + text
    yield "space-before-colon", b"Subject : x\r\nFrom\t: a\r\n\r\n" + text
    yield "no-colon", b"Subject\r\nnothing here\r\nX: y\r\n\r\n" + text
    yield "8-bit-name", b"S\xfcbject: x\r\n\r\n" + text
    yield "8-bit-value", "Subject: Grüße 日本\r\n\r\n".encode() + text
    yield "latin-1-value", "Subject: Grüße\r\n\r\n".encode("latin-1") + text
    yield "control-in-value", b"Subject: \x1b[31m\x07\x08\x7f\r\n\r\n" + text
    yield "encoded-words", b"Subject: =?utf-8?Q?=E2=82=AC?= =?x?B?!!!?= =?=?=\r\n\r\n" + text
    yield "quotes", b'From: "a\\" <b@c>, "d\r\nTo: (((((\r\n\r\n' + text
    yield "many-fields", b"".join(b"X-%d: y\r\n" % n for n in range(3000)) + b"\r\n" + text
    yield "one-field-often", b"Received: x\r\n" * 2000 + b"\r\n" + text
    yield "duplicate-fields", b"Subject: a\r\nSubject: b\r\nFrom: c\r\nFrom: d\r\n\r\n" + text
    yield "long-field-name", b"X" * 2000 + b": y\r\n\r\n" + text
    yield "long-value", b"Subject: " + b"v" * 100_000 + b"\r\n\r\n" + text
    yield "deeply-folded", b"Subject: x" + b"\r\n y" * 5000 + b"\r\n\r\n" + text
    yield "status-fields", b"Status: RO\r\nX-Status: AF\r\nX-UID: 7\r\nX-Keywords: a\r\n\r\n" + text
    yield "lines-field", b"Lines: -1\r\nContent-Length: 99999999\r\n\r\n" + text
    yield "content-length", b"Content-Length: 0\r\n\r\n" + text
    for size, name in ((1 << 20, "1-mib"), ((1 << 20) + 1, "1-mib-and-1"), (11 << 20, "11-mib")):
        start = b"Subject: header of %b\r\nX-Fill: " % name.encode()
        fold = b"f" * 997 + b"\r\n "
        fill = fold * (size // len(fold) + 1)
        yield f"header-{name}", start + fill[: size - len(start) - 4] + b"\r\n\r\n" + text
    yield (
        "header-long-id-late",
        b"X: " + b"y\r\n " * 400_000 + b"z\r\nMessage-ID: <late@odd>\r\n\r\n" + text,
    )


def _message_ids() -> Iterator[tuple[str, bytes]]:
    values: dict[str, bytes] = {
        "plain": b"<plain@odd>",
        "empty": b"",
        "blank": b"   ",
        "no-brackets": b"plain@odd",
        "folded": b"\r\n <folded@odd>",
        "folded-inside": b"<folded\r\n inside@odd>",
        "folded-blank": b"\r\n \r\n <blank@odd>",
        "comment": b"(hello) <comment@odd> (bye)",
        "comment-open": b"(never closed <open@odd>",
        "two": b"<one@odd> <two@odd>",
        "spaces": b"<with spaces@odd>",
        "8-bit": "<grüße@odd>".encode(),
        "latin-1": "<grüße@odd>".encode("latin-1"),
        "quotes": b'<"quo\\"ted"@odd>',
        "backslash": b"<back\\slash@odd>",
        "percent": b"<%s%d{0}@odd>",
        "braces": b"<a{10}@odd> {10}",
        "tab": b"\t<tab@odd>\t",
        "control": b"<con\x01trol\x1b@odd>",
        "10-kb": b"<" + b"k" * 10_240 + b"@odd>",
        "10-kb-folded": b"<" + b"k\r\n " * 3000 + b"@odd>",
        "998": b"<" + b"n" * 980 + b"@odd>",
        "inject": b'<x" UID STORE 1:* +FLAGS (\\Deleted) "@odd>',
        "glob": b"<*@odd>",
        "angle": b"<<>><@odd>",
    }
    for name, value in values.items():
        yield f"id-{name}", head(f"id {name}", b"Message-ID:" + value) + b"text\r\n"
    yield "id-upper", head("id upper", b"MESSAGE-ID: <upper@odd>") + b"text\r\n"
    yield "id-no-space", head("id no space", b"Message-ID:<tight@odd>") + b"text\r\n"
    yield "id-space-colon", head("id space", b"Message-ID : <colon@odd>") + b"text\r\n"
    yield "id-in-body", head("id in body") + b"Message-ID: <body@odd>\r\n\r\ntext\r\n"
    yield "id-twice", head("id twice", b"Message-ID: <a@odd>", b"Message-ID: <b@odd>") + b"x\r\n"
    yield "id-last-no-blank", b"Subject: id last\r\nMessage-ID: <last@odd>"
    for number in range(25):
        yield f"id-same-{number}", head(f"same {number}", b"Message-ID: <same@odd>") + b"text\r\n"
        yield f"id-none-{number}", head(f"none {number}") + b"text\r\n"
        same = head("one header", b"Message-ID: <header@odd>")
        yield f"id-same-header-{number}", same + b"text %02d\r\n" % number


def _looks_like_imap() -> Iterator[tuple[str, bytes]]:
    lines = (
        b"a1 OK done",
        b"* 1 EXPUNGE",
        b"* 0 EXISTS",
        b"* BYE gone",
        b"* 1 FETCH (UID 1 FLAGS (\\Deleted) BODY[] {5}",
        b"+ go on",
        b"+",
        b")",
        b"{10}",
        b"{10+}",
        b"~{10}",
        b"x {99999999999}",
        b"a1 LOGOUT",
        b"a2 UID STORE 1:* +FLAGS (\\Deleted)\r\na3 EXPUNGE",
        b"* VANISHED 1:*",
        b"* OK [UIDVALIDITY 1] new",
        b"* OK [ALERT] \x1b[31m",
        b"DONE",
        b")\r\n* 2 FETCH (UID 2 BODY[] NIL)",
        b"NIL",
        b'"',
        b"\\",
        b"()",
        b"m0001 OK [APPENDUID 1 1] x",
        b".",
        b"..",
        b"QUIT",
        b"--",
    )
    for number, line in enumerate(lines):
        yield f"imap-body-{number}", head(f"imap {number}") + line + b"\r\n" + line + b"\r\n"
        yield f"imap-first-{number}", line + b"\r\n\r\ntext\r\n"
        yield f"imap-last-{number}", head(f"imap last {number}") + line


def _mime() -> Iterator[tuple[str, bytes]]:
    def mixed(boundary: bytes, rest: bytes) -> bytes:
        return b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n%b" % (boundary, rest)

    for depth in (2, 20, 100, 300):
        body = b"text\r\n"
        for level in range(depth):
            edge = b"e%d" % level
            body = mixed(edge, b"--%b\r\n%b\r\n--%b--\r\n" % (edge, body, edge))
        yield f"mime-nested-{depth}", b"Subject: nested %d\r\nMIME-Version: 1.0\r\n" % depth + body
    for depth in (5, 60):
        kind = b"Content-Type: message/rfc822\r\n\r\n"
        yield f"mime-rfc822-{depth}", b"Subject: r%d\r\n" % depth + kind * depth + b"x\r\n"
    yield "mime-no-boundary", b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\ntext\r\n--x--\r\n"
    yield "mime-boundary-missing", mixed(b"never", b"no such line\r\n")
    yield "mime-not-closed", mixed(b"open", b"--open\r\n\r\nfirst\r\n--open\r\n\r\nsecond")
    yield "mime-empty-boundary", mixed(b'""', b"--\r\n\r\ntext\r\n----\r\n")
    yield "mime-long-boundary", mixed(b"b" * 5000, b"--" + b"b" * 5000 + b"\r\n\r\nx\r\n")
    yield "mime-boundary-prefix", mixed(b"a", b"--ab\r\n--a\r\n\r\nx\r\n--a--\r\n--a\r\n")
    yield "mime-bad-base64", b"Content-Transfer-Encoding: base64\r\n\r\n!!!=\x80=?=\r\n"
    yield "mime-base64", b"Content-Transfer-Encoding: base64\r\n\r\naGFsbG8=\r\n"
    yield "mime-quoted", b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=3D=\r\n=0D=0A=00\r\n"
    yield "mime-unknown", b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\nend\r\n"
    yield "mime-binary", b"Content-Transfer-Encoding: binary\r\n\r\n" + bytes(range(1, 256))
    yield "mime-many-parts", mixed(b"p", b"--p\r\n\r\nx\r\n" * 2000 + b"--p--\r\n")
    yield "mime-parameters", b"Content-Type: text/plain; a*0=b; a*1=c; =; ;;;\r\n\r\nx\r\n"


def _charsets() -> Iterator[tuple[str, bytes]]:
    text = "Grüße, Κόσμε, мир, 世界, 📧\r\n"
    for charset in ("utf-8", "utf-8-sig", "utf-7", "gb18030", "iso2022_jp_2"):
        field = b"Content-Type: text/plain; charset=" + charset.encode()
        yield f"charset-{charset}", head(charset, field) + text.encode(charset, "replace")
    for charset in ("utf-16-le", "utf-16-be", "utf-32"):  # whole: every second byte is a NUL
        yield f"nul-whole-{charset}", ("Subject: x\r\n\r\n" + text).encode(charset)
    broken = {
        "lone-continuation": b"\x80",
        "cut-sequence": b"\xe2\x82",
        "overlong": b"\xc0\xaf",
        "surrogate": b"\xed\xa0\x80",
        "too-high": b"\xf4\x90\x80\x80",
        "fe-ff": b"\xfe\xff",
        "bom-inside": b"a\xef\xbb\xbfb",
        "nel": b"\xc2\x85",
        "line-separator": "\u2028\u2029".encode(),
        "bidi": "\u202e\u2066".encode(),
        "c1": b"\x9b31m",
        "nbsp": b"\xa0",
        "vt-ff": b"\x0b\x0c",
        "sub": b"\x1a",
        "del": b"\x7f",
    }
    for name, data in broken.items():
        yield f"bytes-{name}", head(f"bytes {name}") + data + b"\r\n"
        yield f"bytes-header-{name}", b"Subject: " + data + b"\r\n\r\ntext\r\n"
    for start in range(1, 256, 16):
        every = bytes(b for b in range(start, min(start + 16, 256)))
        yield f"bytes-from-{start}", head(f"bytes from {start}") + every


def _lengths() -> Iterator[tuple[str, bytes]]:
    for size in (76, 77, 997, 998, 999, 1000, 1001, 4095, 4096, 8192, 65_535, 65_536, 100_000):
        yield f"line-{size}", head(f"line {size}") + b"l" * size + b"\r\n"
    yield "line-1-mb", head("line 1 MB") + b"l" * 1_100_000 + b"\r\n"
    yield "line-2-mb-no-end", head("line 2 MB") + b"m" * 2_000_000
    for at in (256 << 10, 1 << 20):  # a CRLF, a bare CR, a bare LF on either side of a piece's edge
        for name, end in (("crlf", b"\r\n"), ("cr", b"\rx"), ("lf", b"\nx")):
            for shift in (-2, -1, 0):
                start = head(f"edge {at} {name} {shift}")
                body = start + b"e" * (at + shift - len(start)) + end + b"rest\r\n"
                yield f"edge-{at}-{name}-{shift}", body
    yield "many-short-lines", head("short lines") + b"s\r\n" * 100_000


def _dates() -> Iterator[tuple[str, bytes]]:
    values = (
        b"Thu, 1 Jan 1970 00:00:00 +0000",
        b"Mon, 1 Jan 0001 00:00:00 +0000",
        b"Tue, 19 Jan 2038 03:14:08 +0000",
        b"Fri, 31 Dec 9999 23:59:60 +2400",
        b"Sun, 26 Mar 2023 02:30:00 CEST",
        b"yesterday",
        b"",
        b"31 Feb 2020 25:61:61 -9999",
        b"1 Jan 99 1:2 EST",
        b"Mon, 2 Nov 2026 10:00:00 (comment (nested)) +0000",
    )
    for number, value in enumerate(values):
        yield f"date-{number}", head(f"date {number}", b"Date: " + value) + b"text\r\n"


def _mbox() -> Iterator[tuple[str, bytes]]:
    yield "from-first", b"From a@odd Mon Nov  2 10:00:00 2026\r\nSubject: x\r\n\r\ntext\r\n"
    yield "from-first-lf", b"From a@odd Mon Nov  2 10:00:00 2026\nSubject: y\n\ntext\n"
    yield "from-quoted-first", b">From a@odd Mon Nov  2 10:00:00 2026\r\nSubject: z\r\n\r\nt\r\n"
    yield "from-only", b"From \r\n"
    yield "from-in-body", head("from in body") + b"From here\r\n>From there\r\n>>From x\r\n"
    yield (
        "from-after-blank",
        head("from after blank") + b"\r\nFrom a@odd Mon Nov  2 10:00:00 2026\r\n",
    )
    yield "mmdf", b"\x01\x01\x01\x01\r\nSubject: mmdf\r\n\r\ntext\r\n\x01\x01\x01\x01\r\n"
    yield "babyl", head("babyl") + b"\x1f\x0c\r\n1,,\r\n"


def _twins() -> Iterator[tuple[str, bytes]]:
    """Byte for byte the same, of the same date."""
    for number in range(4):
        yield f"twin-plain-{number}", head("twin", b"Message-ID: <twin@odd>") + b"text\r\n"
    for number in range(4):
        yield f"twin-no-id-{number}", head("twin without an id") + b"text\r\n"
    for number in range(3):
        yield f"twin-bare-{number}", b"just\rtext"


def _edges() -> Iterator[tuple[str, bytes]]:
    yield "trailing-spaces", head("trailing") + b"a  \r\n\t\r\n  "
    yield "dots", head("dots") + b".\r\n..\r\n.x\r\n"
    yield "html", head("html", b"Content-Type: text/html") + b"<html>" * 2000
    yield "printf", head("%s%n%d{0}{x}") + b"%s%n%d{0}\r\n"
    yield "shell", head("$(id) `id` ;id") + b"$(id)\r\n"
    yield "pem", head("pem") + b"-----BEGIN PGP SIGNED MESSAGE-----\r\n- --x\r\n"


_TOKENS = (
    b"\r\n", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"a", b"b: c", b"\xff", b"\xc3\xa4", b" ", b"\t",
    b")", b"{3}", b"* ", b"--x", b"From ", b"Message-ID: <r@odd>", b"x" * 80,
)  # fmt: skip


def _random(rand: random.Random) -> Iterator[tuple[str, bytes]]:
    for number in range(110):
        tokens = [rand.choice(_TOKENS) for _ in range(rand.randrange(3, 60))]
        yield f"random-{number}", b"".join(tokens) + b"%d" % number + rand.choice(_TOKENS)
