"""Mutated transcripts against the receiver: events or a ProtocolError, whatever the chunks.

    python tests/imap/fuzz.py --seconds 600 --seed 3

prints how many were tried; a failure prints the seed, the number and the bytes.  pytest runs a
fixed share (`test_imap_fuzz.py`).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator

from mailsync.imap import (
    BodyBegin,
    BodyData,
    BodyEnd,
    Event,
    Limits,
    ProtocolError,
    Receiver,
)

LIMITS = Limits(line=400, code=120, set_line=3000, ranges=200, body=3000, literal=200, nesting=6)

TRANSCRIPTS: tuple[bytes, ...] = (
    # Dovecot
    b"* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ AUTH=PLAIN] Dovecot ready.\r\n"
    b"A1 OK [CAPABILITY IMAP4rev1 QRESYNC ESEARCH UIDPLUS] Logged in\r\n"
    b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)\r\n"
    b"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\*)] Flags permitted.\r\n"
    b"* 3 EXISTS\r\n* OK [UIDVALIDITY 1700000001] UIDs valid\r\n* OK [UIDNEXT 9] next\r\n"
    b"* OK [HIGHESTMODSEQ 17] Highest\r\n* VANISHED (EARLIER) 1:3,7\r\n"
    b"* 1 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (12))\r\nA2 OK [READ-WRITE] Select completed.\r\n",
    # a listing
    b'* NAMESPACE (("" "/")) NIL NIL\r\n* LIST (\\HasNoChildren \\Sent) "/" Sent\r\n'
    b'* LIST () "/" {6}\r\na "b" \r\n* LIST () NIL a (b\r\n'
    b"* STATUS Sent (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 5 HIGHESTMODSEQ 17 MAILBOXID (F1))\r\n"
    b'* LIST (\\Noselect) "." "&AOk-.x" ("OLDNAME" ("y"))\r\nA3 OK done\r\n',
    # bodies
    b'* 1 FETCH (UID 4 FLAGS () INTERNALDATE " 1-Jul-1996 02:44:25 +0000" RFC822.SIZE 12 '
    b"EMAILID (M1) BODY[] {12}\r\nA: b\r\n\r\nc\r\n)\r\n"
    b"* 2 FETCH (BODY[HEADER.FIELDS (MESSAGE-ID)] {4}\r\n\r\n\r\n UID 5 X-GM-MSGID 99)\r\n"
    b"* 3 FETCH (UID 6 BODY[] NIL)\r\n* 4 FETCH (BODY[] {700}\r\n" + b"x" * 700 + b" UID 7)\r\n"
    b"A4 NO [EXPUNGEISSUED] Some are gone\r\n",
    # changes
    b"+ go on\r\n* 4 EXPUNGE\r\n* SEARCH 1 2 3 (MODSEQ 5)\r\n"
    b'* ESEARCH (TAG "A5") UID COUNT 3 ALL 1:3 MIN 1 MAX 3 MODSEQ 7\r\n'
    b"A5 OK [COPYUID 5 1:3,8 4:7] Copied\r\nA6 OK [APPENDUID 5 9] Stored\r\n"
    b"[COPYUID 5 1 7]\r\nA7 NO [MODIFIED 3,7:9] x\r\n* ENABLED QRESYNC\r\n"
    b'* ID ("name" "Dovecot" "x" NIL)\r\n* BYE [UNAVAILABLE] later\r\n',
    # Exchange, Gmail and others
    b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n\0\0* 1 EXISTS\r\n*  2 EXISTS \r\n"
    b"* OK [HIGHESTMODSEQ 7]\r\nServer Unavailable. 15\r\nA8 OK Success [THROTTLED]\r\n"
    b'* 1 FETCH (MODSEQ (-1) X-GM-LABELS (\\Inbox "a b" NIL) UID 5)\r\n* 0 FETCH (UID 3)\r\n',
)

TOKENS = (
    b"(", b")", b"[", b"]", b'"', b"\\", b"{", b"}", b"{3}\r\n", b"{99999999999}\r\n", b"{-1}\r\n",
    b"~{2}\r\n", b"{0}\r\n", b"{2147483648}\r\n", b"\r\n", b"\n", b"\r", b"\0", b" ", b"*", b"+",
    b"NIL", b"* ", b"1:*", b"4294967295", b"4294967296", b"0", b"-1", b"99999999999999999999999",
    b"FETCH", b"UID", b"BODY[]", b"BODY[", b"FLAGS", b"OK", b"\xff", b"\x1b[2J", b"((((((((",
    b"))))", b",,", b"1,", b":", b"A1 OK ", b"* OK [", b"\xe2\x80\xae", b"x" * 500,
)  # fmt: skip


def mutated(rand: random.Random) -> bytes:
    """A transcript, or two spliced, with some accidents in it."""
    data = bytearray(rand.choice(TRANSCRIPTS))
    if rand.random() < 0.3:
        other = rand.choice(TRANSCRIPTS)
        data = data[: rand.randrange(len(data) + 1)] + other[rand.randrange(len(other)) :]
    for _ in range(rand.choice((1, 1, 1, 2, 3, 8))):
        at = rand.randrange(len(data) + 1)
        match rand.randrange(6):
            case 0:
                data[at:at] = rand.choice(TOKENS)
            case 1:
                del data[at : at + rand.choice((1, 2, 5, 40))]
            case 2:
                data[at : at + 1] = bytes((rand.randrange(256),))
            case 3:
                data[at : at + rand.randrange(1, 4)] = rand.choice(TOKENS)
            case 4:
                data[at:at] = data[at : at + rand.randrange(60)]
            case _:
                data[at : at + 1] = rand.choice(b"0123456789").to_bytes()
    return bytes(data)


def heard(data: bytes, cuts: list[int]) -> tuple[list[Event], bool]:
    """The events, and whether it ended in a ProtocolError; anything else raised is a failure."""
    receiver = Receiver(LIMITS, body_threshold=500)
    events: list[Event] = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        try:
            events += receiver.receive(data[start:end])
        except ProtocolError as error:
            if len(str(error)) >= 300:
                raise AssertionError("the error repeats what was sent") from error
            return events + list(error.events), True
        held = receiver.pending()
        assert len(receiver._buffer) <= LIMITS.body + LIMITS.set_line, held
    return events, False


def joined(events: list[Event]) -> list[Event]:
    """Body data in one piece, however it was cut; what is unfinished is left out."""
    made: list[Event] = []
    for event in events:
        if isinstance(event, BodyData) and made and isinstance(made[-1], BodyData):
            made[-1] = BodyData(made[-1].data + event.data)
        else:
            made.append(event)
    while made and isinstance(made[-1], BodyBegin | BodyData) and BodyEnd() not in made[-1:]:
        made.pop()
    return made


def check(data: bytes, rand: random.Random) -> None:
    """Whole, byte by byte or in random pieces: the same."""
    whole = heard(data, [])
    cuts = sorted(rand.sample(range(len(data) + 1), min(len(data), rand.choice((1, 3, 20)))))
    pieces = heard(data, cuts)
    assert joined(pieces[0]) == joined(whole[0]), cuts
    assert pieces[1] == whole[1], cuts
    if rand.random() < 0.02:
        single = heard(data, list(range(1, len(data))))
        assert (joined(single[0]), single[1]) == (joined(whole[0]), whole[1]), "byte by byte"


def trials(seed: int) -> Iterator[int]:
    """Runs for as long as it is asked; each trial has a seed of its own, `seed/number`."""
    number = 0
    while True:
        rand = random.Random(f"{seed}/{number}")
        data = mutated(rand)
        try:
            check(data, rand)
        except BaseException as error:
            error.add_note(f"seed {seed}, number {number}: {data!r}")
            raise
        number += 1
        yield number


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=1)
    told = options.parse_args()
    until = time.monotonic() + told.seconds
    number = next(number for number in trials(told.seed) if time.monotonic() > until)
    print(f"{number} mutated transcripts, seed {told.seed}: nothing but events and ProtocolError")


if __name__ == "__main__":
    sys.exit(main())
