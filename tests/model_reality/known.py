"""Where SimServer answers otherwise than a real server, on purpose: each with its reason.

A line that no longer differs must go from here (test_model_reality.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DOVECOT, CYRUS, COURIER = "dovecot", "cyrus", "courier"


@dataclass(frozen=True)
class Known:
    kinds: tuple[str, ...]  # cyrus means cyrus-dots, too
    script: str
    line: str  # a regular expression that matches all of it
    reason: str

    def explains(self, kind: str, script: str, line: str) -> bool:
        named = kind.split("-")[0] in self.kinds and script == self.script
        return named and re.fullmatch(self.line, line) is not None


KNOWN = (
    Known(
        (DOVECOT, CYRUS),
        "renames",
        r"a RENAME INBOX .*",
        "the session that has INBOX selected is not told at once that its messages went; the "
        "model tells, as RFC 3501 §6.3.5 means it",
    ),
    Known(
        (DOVECOT,),
        "renames",
        r"a EXAMINE INBOX",
        "Dovecot renames the mailbox itself and makes a new INBOX, with a new UIDVALIDITY; Cyrus "
        "and the model move the messages",
    ),
    Known(
        (DOVECOT,),
        "renames",
        r'a LIST "" "O\*"',
        "Dovecot keeps the directory of a deleted parent, as \\Noselect, until it is deleted again",
    ),
    Known(
        (DOVECOT, COURIER),
        "errors",
        r"a (UID STORE 1 \+FLAGS.*|EXPUNGE)",
        "in an EXAMINEd mailbox Dovecot does nothing and says OK, and Courier stores \\Seen; Cyrus "
        "and the model say NO.  The engine changes nothing that it only examined",
    ),
    Known(
        (CYRUS, COURIER),
        "errors",
        r"a (UID FETCH 0|FETCH 99) .*",
        "no such number: the model is as strict as Dovecot, so that the engine cannot ask for it",
    ),
    Known(
        (COURIER,),
        "errors",
        r"a STATUS INBOX \(.*\)",
        "Courier leaves out what it does not know; the model is strict for the same reason",
    ),
    Known(
        (DOVECOT,),
        "expunging",
        r"b NOOP",
        "FETCH before EXPUNGE, so with other sequence numbers; the same messages are meant",
    ),
    Known(
        (DOVECOT,),
        "two sessions, flags",
        r"(a UID FETCH 1 .*|b UID STORE 1 .*)",
        "news of other sessions come without UID and once more; RFC 9051 §6.4.9 wants the UID",
    ),
    Known(
        (DOVECOT, COURIER),
        "two sessions, flags",
        r"b UID (STORE 2 .*oWN.*|FETCH 2 .*)",
        "a keyword is spelt as it was set last; Cyrus and the model keep the first spelling",
    ),
    Known(
        (COURIER,),
        "two sessions, flags",
        r"b NOOP",
        "what its own STORE has seen of others is not told again",
    ),
    Known(
        (CYRUS,),
        "two sessions",
        r"a (UID )?FETCH .*",
        "flags that changed just before the message was expunged are told even then",
    ),
    Known(
        (CYRUS,),
        "qresync",
        r"a ENABLE QRESYNC",
        "Cyrus names CONDSTORE, too, which QRESYNC implies",
    ),
    Known(
        (CYRUS,),
        "lists",
        r'a LIST "" inbox',
        "Cyrus compares INBOX in a pattern by case; the engine only asks for `*`",
    ),
    Known(
        (COURIER,),
        "reading",
        r"a UID FETCH 5 \(BODY\[TEXT\]\)",
        "\\Seen set by a FETCH is told in a line of its own",
    ),
    Known(
        (COURIER,),
        "fetching",
        r"a UID FETCH 1 \(BODY\[\]\)",
        "\\Seen set by a FETCH is told in a line of its own",
    ),
    Known(
        (COURIER,),
        "fetching",
        r"a UID FETCH (5:1|2,4,2) .*",
        "a set is read as it stands: descending it is empty, what is named twice comes twice; the "
        "engine's sets ascend",
    ),
    Known(
        (COURIER,),
        "lists",
        r"a LSUB .*",
        "INBOX as a mere parent; the engine does not look at subscriptions yet",
    ),
    Known(
        (COURIER,),
        "mailboxes",
        r"a (LSUB|SUBSCRIBE) .*",
        "a name that is not there can be subscribed to, and is listed",
    ),
)
