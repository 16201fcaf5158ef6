"""Does SimServer still answer as a real Dovecot does?"""

from __future__ import annotations

import itertools

import pytest
from sim.dialogue import Dialogue, Wire, sim_dialogue
from sim.server import SimServer
from sim.server_profile import dovecot as like_dovecot
from support.dovecot import Dovecot

_users = itertools.count()

MAIL = "From: a@x|Message-ID: <%s@x>|Subject: s||Body %s|"
FILL = "\n".join(
    f'a APPEND INBOX ({flags}) "05-Feb-2020 0{n}:02:03 +0100" «{MAIL % (n, n)}»'
    for n, flags in enumerate(["", "\\Seen", "\\Flagged \\Draft", "$Forwarded", ""], 1)
)

SCRIPTS = {
    "reading": """
        a SELECT INBOX
        a UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)
        a UID FETCH 1,3 (BODY.PEEK[HEADER])
        a UID FETCH 2 (BODY.PEEK[])
        a UID FETCH 2 (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])
        a FETCH 2:3 (UID FLAGS)
        a UID FETCH 77:99 (FLAGS)
        a UID FETCH 77:* (FLAGS)
        a UID FETCH 5 (BODY[TEXT])
        a UID FETCH 5 (FLAGS)
        a UID FETCH 1 (BODY.PEEK[]<5.10>)
        a EXAMINE INBOX
        a UNSELECT
        a UID FETCH 1 (FLAGS)
        a SELECT Nowhere
    """,
    "searching": """
        a SELECT INBOX
        a UID SEARCH ALL
        a UID SEARCH SEEN
        a UID SEARCH UNSEEN UNDELETED
        a UID SEARCH UID 2:4294967295
        a UID SEARCH HEADER Message-ID <3@x>
        a UID SEARCH HEADER Message-ID <nobody@x>
        a UID SEARCH KEYWORD $Forwarded
        a UID SEARCH OR SEEN FLAGGED
        a UID SEARCH NOT SEEN
        a UID SEARCH RETURN (ALL) ALL
        a UID SEARCH RETURN (ALL COUNT MIN MAX) UNSEEN
        a UID SEARCH RETURN (ALL COUNT) DELETED
        a SEARCH FLAGGED
    """,
    "flags": """
        a SELECT INBOX
        a UID STORE 1:2 +FLAGS (\\Seen \\Answered)
        a UID STORE 1:2 -FLAGS (\\Answered)
        a UID STORE 1 FLAGS (\\Draft)
        a UID STORE 1:5 +FLAGS.SILENT (\\Flagged)
        a UID STORE 99 +FLAGS (\\Seen)
        a UID STORE 3 +FLAGS (\\Recent)
        a UID STORE 3 +FLAGS (MyOwn)
        a STORE 4 +FLAGS (\\Deleted)
        a UID FETCH 1:5 (FLAGS)
        a CHECK
    """,
    "two sessions": """
        a SELECT INBOX
        b SELECT INBOX
        b UID STORE 2 +FLAGS (\\Flagged)
        a NOOP
        a NOOP
        b UID STORE 1 +FLAGS.SILENT (\\Deleted)
        a NOOP
        b UID EXPUNGE 1
        a FETCH 2:3 (UID)
        a UID FETCH 2 (UID)
        a NOOP
        b APPEND INBOX «From: z||new|»
        a NOOP
        b NOOP
        a UID FETCH 6 (FLAGS)
        b UID STORE 3:4 +FLAGS.SILENT (\\Deleted)
        a NOOP
        b EXPUNGE
        a UID FETCH 5:6 (FLAGS)
        a NOOP
    """,
    "copy and move": """
        a CREATE Work
        a SELECT INBOX
        a UID COPY 1,3 Work
        a UID COPY 99 Work
        a UID COPY 1 Nowhere
        a UID MOVE 2,4 Work
        a UID MOVE 99 Work
        a UID MOVE 1 Nowhere
        a STATUS Work (MESSAGES UIDNEXT)
        a SELECT Work
        a UID FETCH 1:* (FLAGS RFC822.SIZE INTERNALDATE)
        a UID STORE 1:2 +FLAGS.SILENT (\\Deleted)
        a UID EXPUNGE 2:3
        a CLOSE
        a STATUS Work (MESSAGES UIDNEXT)
    """,
    "condstore": """
        a SELECT INBOX (CONDSTORE)
        b SELECT INBOX
        b UID STORE 2 +FLAGS (\\Answered)
        a NOOP
        a UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE {modseq})
        a UID STORE 2:3 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Deleted)
        a UID STORE 3 +FLAGS (\\Seen)
        a UID STORE 3 +FLAGS.SILENT (\\Answered)
        a UID FETCH 3 (MODSEQ)
        a STATUS INBOX (HIGHESTMODSEQ MESSAGES)
        b UID STORE 4 +FLAGS (\\Answered)
        a NOOP
        a UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)
    """,
    "qresync": """
        a ENABLE QRESYNC
        a SELECT INBOX
        b SELECT INBOX
        b UID STORE 2,4 +FLAGS.SILENT (\\Deleted)
        b UID EXPUNGE 2,4
        b UID STORE 1 +FLAGS.SILENT (\\Flagged)
        a NOOP
        a UNSELECT
        b UID STORE 5 +FLAGS.SILENT (\\Deleted)
        b UID EXPUNGE 5
        b APPEND INBOX «From: z||new|»
        a SELECT INBOX (QRESYNC ({validity} {modseq}))
        a SELECT INBOX (QRESYNC (1 {modseq}))
        a SELECT INBOX (QRESYNC ({validity} {modseq} 1:3))
        a UID STORE 3 +FLAGS.SILENT (\\Deleted)
        a UID EXPUNGE 3
        a CREATE Work
        a UID MOVE 1 Work
        a UID FETCH 1:4294967295 (FLAGS) (CHANGEDSINCE 1 VANISHED)
    """,
    "mailboxes": """
        a CREATE One
        a CREATE One
        a CREATE Two/Three
        a LIST "" "*"
        a LIST "" "%"
        a LIST "" "Two/%"
        a LIST "" ""
        a LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY))
        a LIST "" INBOX RETURN (STATUS (MESSAGES))
        a RENAME One Four
        a RENAME Nowhere Else
        a RENAME Four Two
        a RENAME Two Five
        a LIST "" "*"
        a DELETE Five/Three
        a DELETE Nowhere
        a DELETE INBOX
        a STATUS Nowhere (MESSAGES)
        a STATUS INBOX (MESSAGES UIDNEXT UNSEEN)
        a SUBSCRIBE Four
        a LSUB "" "*"
        a UNSUBSCRIBE Four
        a LSUB "" "*"
        a APPEND Nowhere «From: z||new|»
    """,
    "multiappend": """
        a APPEND INBOX (\\Seen) «From: z||one|» (\\Flagged) «From: z||two|»
        a SELECT INBOX
        a APPEND INBOX «From: z||three|»
        a UID FETCH 6:* (FLAGS RFC822.SIZE)
    """,
}


@pytest.mark.dovecot
@pytest.mark.parametrize("name", SCRIPTS)
def test_as_dovecot_answers(dovecot: Dovecot, name: str) -> None:
    script = FILL + SCRIPTS[name]
    user = f"drift{next(_users)}"
    wires = {who: Wire(dovecot.port, user) for who in "ab"}
    try:
        real = Dialogue({who: wire.say for who, wire in wires.items()}).play(script)
    finally:
        for wire in wires.values():
            wire.sock.close()
    server = SimServer(like_dovecot())
    server.state.subscribed.clear()
    simulated = sim_dialogue(server, "a", "b").play(script)
    differences = [
        f"{line}\n    Dovecot:   {wanted}\n    SimServer: {got}"
        for (line, wanted), (_, got) in zip(real, simulated, strict=True)
        if wanted != got
    ]
    assert not differences, "\n".join(["", *differences])
