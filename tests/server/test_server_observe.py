"""Observe, as dialogues: what is asked in one write, and what the answers prove."""

from __future__ import annotations

import asyncio

from support.dialogue import Dialogue, logged_in

from mailsync.model.errors import MailsyncError, Reach, Refused, ServerDefect
from mailsync.model.flags import ALL_FLAGS, Flags
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerObservation
from mailsync.model.uidset import UIDSet
from mailsync.server import Ask

A, B = MailboxName("a"), MailboxName("b")
NEW = "(UID FLAGS INTERNALDATE RFC822.SIZE)"
TOP = 4294967295
DATE = 'INTERNALDATE "01-Jul-1996 02:44:25 +0200"'


def cursor(
    uid_next: int = 4, messages: int = 3, modseq: int | None = 20, validity: int = 7
) -> Cursor:
    return Cursor(
        UIDValidity(validity), uid_next, messages, None if modseq is None else ModSeq(modseq)
    )


def ask(name: MailboxName, had: Cursor | None = None, full: bool = False, known: int = 3) -> Ask:
    return Ask(name, name.encode(), had, full, known if had is not None else 0)


def selected(
    exists: int = 3, uid_next: int | None = 4, modseq: int | None = 20, validity: int | None = 7
) -> str:
    lines = [f"S: * {exists} EXISTS"]
    lines += [f"S: * OK [UIDVALIDITY {validity}] x"] if validity is not None else []
    lines += [f"S: * OK [UIDNEXT {uid_next}] x"] if uid_next is not None else []
    lines += [f"S: * OK [HIGHESTMODSEQ {modseq}] x"] if modseq is not None else []
    return "\n".join(lines)


ENABLED = """
    C: ENABLE QRESYNC
    S: * ENABLED QRESYNC
    S: $2 OK enabled
"""


class Seen:
    """What an observation gave, by mailbox."""

    def __init__(self, script: str, capabilities: str, *asks: Ask) -> None:
        self.ok: dict[MailboxName, ServerObservation] = {}
        self.errors: dict[MailboxName, MailsyncError] = {}
        self.dialogue: Dialogue | None = None
        asyncio.run(self._run(script, capabilities, asks))

    async def _run(self, script: str, capabilities: str, asks: tuple[Ask, ...]) -> None:
        server, self.dialogue = await logged_in(script, capabilities)
        async for seen in server.observe(asks):
            if isinstance(seen, tuple):
                self.errors[seen[0]] = seen[1]
            else:
                self.ok[seen.mailbox] = seen
        self.dialogue.done()

    def only(self) -> ServerObservation:
        assert not self.errors
        (found,) = self.ok.values()
        return found


def uids(seen: ServerObservation) -> list[int]:
    return [item.uid for item in seen.items]


class TestPlain:
    def test_first_listing(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(2, 9, None)}
            S: * OK [PERMANENTFLAGS (\\\\Seen \\\\Deleted)] limited
            S: $2 OK [READ-ONLY] done
            S: * 1 FETCH (UID 3 FLAGS (\\\\Seen \\\\Recent $L1 $forwarded) {DATE} RFC822.SIZE 99)
            S: * 2 FETCH (RFC822.SIZE 1 FLAGS () UID 8)
            S: $3 OK done
            """,
            "",
            ask(A),
        ).only()
        assert seen.cursor == cursor(9, 2, None)
        assert seen.complete == UIDSet.span(1, 8)
        assert seen.items[0].flags == Flags.SEEN | Flags.FORWARDED
        assert seen.items[0].extra == {"$L1"}
        assert seen.items[0].internal_date == 836181865
        assert seen.items[0].size == 99
        assert uids(seen) == [3, 8]
        assert seen.permanent == Flags.SEEN | Flags.DELETED
        assert seen.read_only

    def test_later_only_the_flags_of_the_old(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:3 (UID FLAGS)
            C: UID FETCH 4:{TOP} {NEW}
            {selected(2, 6, None)}
            S: $2 OK [READ-WRITE] done
            S: * 1 FETCH (UID 3 FLAGS ())
            S: $3 OK done
            S: * 2 FETCH (UID 5 FLAGS () RFC822.SIZE 1)
            S: $4 OK done
            """,
            "",
            ask(A, cursor(modseq=None)),
        ).only()
        assert uids(seen) == [3, 5]
        assert seen.complete == UIDSet.span(1, 5)
        assert seen.permanent == ALL_FLAGS

    def test_a_listing_shorter_than_exists_proves_nothing(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(3, 4, None)}
            S: $2 OK done
            S: * 1 FETCH (UID 1 FLAGS ())
            S: * 3 FETCH (UID 3 FLAGS ())
            S: $3 OK done
            """,
            "",
            ask(A),
        ).only()
        assert not seen.complete
        assert seen.cursor.messages == 3

    def test_an_empty_mailbox_whose_listing_is_refused(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(0, 9, None)}
            S: $2 OK done
            S: $3 NO no such messages
            """,
            "",
            ask(A),
        ).only()
        assert seen.complete == UIDSet.span(1, 8)

    def test_what_arrives_meanwhile_is_left_for_the_next_time(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(1, 4, None)}
            S: $2 OK done
            S: * 2 EXISTS
            S: * 1 FETCH (UID 3 FLAGS ())
            S: * 2 FETCH (UID 4 FLAGS ())
            S: $3 OK done
            """,
            "",
            ask(A),
        ).only()
        assert uids(seen) == [3]
        assert seen.complete == UIDSet.span(1, 3)
        assert (seen.cursor.uid_next, seen.cursor.messages) == (4, 1)

    def test_a_uidnext_that_is_too_low_or_missing_hides_no_mail(self) -> None:
        for told in (2, None):
            seen = Seen(
                f"""
                C: SELECT "a"
                C: UID FETCH 1:{TOP} {NEW}
                {selected(1, told, None)}
                S: $2 OK done
                S: * 1 FETCH (UID 3 FLAGS ())
                S: $3 OK done
                """,
                "",
                ask(A),
            ).only()
            assert uids(seen) == [3]
            assert seen.cursor.uid_next == 4
            assert 3 in seen.complete

    def test_an_expunge_during_the_listing_proves_nothing(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(2, 4, None)}
            S: $2 OK done
            S: * 1 FETCH (UID 1 FLAGS ())
            S: * 1 EXPUNGE
            S: * 1 FETCH (UID 3 FLAGS ())
            S: $3 OK done
            """,
            "",
            ask(A),
        ).only()
        assert not seen.complete


class TestQresync:
    SELECT = 'C: SELECT "a" (QRESYNC (7 20 1:3))'

    def test_two_mailboxes_in_one_write_and_each_gets_its_own(self) -> None:
        seen = Seen(
            f"""
            {ENABLED}
            {self.SELECT}
            C: UID FETCH 4:{TOP} {NEW}
            C: SELECT "b" (QRESYNC (7 20 1:3))
            C: UID FETCH 4:{TOP} {NEW}
            {selected(3, 5, 30)}
            S: * VANISHED (EARLIER) 2
            S: * 1 FETCH (UID 1 FLAGS (\\\\Seen) MODSEQ (25))
            S: * 3 FETCH (UID 4 FLAGS () MODSEQ (26))
            S: $3 OK done
            S: * 3 FETCH (UID 4 FLAGS () RFC822.SIZE 5 INTERNALDATE "01-Jul-1996 02:44:25 +0200")
            S: $4 OK done
            S: * VANISHED 1
            S: * 9 EXISTS
            S: * OK [CLOSED] bye
            {selected(1, 4, 31)}
            S: * VANISHED (EARLIER) 1:2
            S: $5 OK done
            S: $6 OK done
            """,
            "ENABLE QRESYNC",
            ask(A, cursor()),
            ask(B, cursor()),
        )
        assert uids(seen.ok[A]) == [1, 4]
        assert seen.ok[A].items[1].size == 5
        assert seen.ok[A].vanished == UIDSet([2])
        assert seen.ok[A].cursor == cursor(5, 3, 30)
        assert not seen.ok[A].complete
        assert seen.ok[B].items == ()
        assert seen.ok[B].vanished == UIDSet([1, 2])
        assert seen.ok[B].cursor == cursor(4, 1, 31)
        assert seen.dialogue is not None
        assert len(seen.dialogue.writes) == 3, "login, ENABLE, and all the rest"

    def test_vanished_during_the_fetch_counts_down(self) -> None:
        seen = Seen(
            f"""
            {ENABLED}
            {self.SELECT}
            C: UID FETCH 4:{TOP} {NEW}
            {selected(4, 5, 30)}
            S: * 4 FETCH (UID 4 FLAGS () MODSEQ (26))
            S: $3 OK done
            S: * VANISHED 1,4
            S: $4 OK done
            """,
            "ENABLE QRESYNC",
            ask(A, cursor()),
        ).only()
        assert uids(seen) == []
        assert seen.vanished == UIDSet([1, 4])
        assert seen.cursor.messages == 2

    def test_enable_without_enabled_means_no_qresync(self) -> None:
        Seen(
            f"""
            C: ENABLE QRESYNC
            S: $2 OK done
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:3 (UID FLAGS) (CHANGEDSINCE 20)
            C: UID FETCH 4:{TOP} {NEW}
            {selected()}
            S: $3 OK done
            S: $4 OK done
            S: $5 OK done
            """,
            "ENABLE QRESYNC",
            ask(A, cursor()),
        ).only()

    def test_a_new_uidvalidity_is_listed_in_full(self) -> None:
        seen = Seen(
            f"""
            {ENABLED}
            {self.SELECT}
            C: UID FETCH 4:{TOP} {NEW}
            {selected(1, 2, 5, 8)}
            S: $3 OK done
            S: $4 OK done
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:{TOP} {NEW}
            S: * OK [CLOSED] x
            {selected(1, 2, 5, 8)}
            S: $5 OK done
            S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 3)
            S: $6 OK done
            """,
            "ENABLE QRESYNC",
            ask(A, cursor()),
        ).only()
        assert seen.cursor == cursor(2, 1, 5, 8)
        assert seen.complete == UIDSet([1])

    def test_a_lower_modseq_is_listed_in_full(self) -> None:
        seen = Seen(
            f"""
            {ENABLED}
            {self.SELECT}
            C: UID FETCH 4:{TOP} {NEW}
            {selected(1, 4, 19)}
            S: $3 OK done
            S: $4 OK done
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:{TOP} {NEW}
            {selected(1, 4, 19)}
            S: $5 OK done
            S: * 1 FETCH (UID 3 FLAGS ())
            S: $6 OK done
            """,
            "ENABLE QRESYNC",
            ask(A, cursor()),
        ).only()
        assert seen.complete == UIDSet.span(1, 3)

    def test_qresync_that_is_bad_is_not_tried_again(self) -> None:
        seen = Seen(
            f"""
            {ENABLED}
            {self.SELECT}
            C: UID FETCH 4:{TOP} {NEW}
            S: $3 BAD what?
            S: $4 BAD nothing selected
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:{TOP} {NEW}
            {selected(0, 4)}
            S: $5 OK done
            S: $6 OK done
            """,
            "ENABLE QRESYNC",
            ask(A, cursor()),
        ).only()
        assert seen.complete == UIDSet.span(1, 3)

    def test_vanished_of_a_live_uid_is_contradicted_by_the_listing(self) -> None:
        seen = Seen(
            f"""
            {ENABLED}
            {self.SELECT}
            C: UID FETCH 4:{TOP} {NEW}
            {selected(3, 4, 30)}
            S: * VANISHED (EARLIER) 1:3
            S: * 1 FETCH (UID 1 FLAGS (\\\\Seen) MODSEQ (25))
            S: $3 OK done
            S: $4 OK done
            """,
            "ENABLE QRESYNC",
            ask(A, cursor()),
        ).only()
        assert seen.vanished == UIDSet([2, 3])


class TestCondstore:
    FIRST = f"""
        C: SELECT "a" (CONDSTORE)
        C: UID FETCH 1:3 (UID FLAGS) (CHANGEDSINCE 20)
        C: UID FETCH 4:{TOP} {NEW}
    """

    def test_nothing_gone_needs_no_search(self) -> None:
        seen = Seen(
            f"""
            {self.FIRST}
            {selected(4, 5, 30)}
            S: $2 OK done
            S: * 1 FETCH (UID 1 FLAGS (\\\\Seen) MODSEQ (25))
            S: $3 OK done
            S: * 4 FETCH (UID 4 FLAGS () MODSEQ (26))
            S: $4 OK done
            """,
            "CONDSTORE",
            ask(A, cursor()),
        ).only()
        assert uids(seen) == [1, 4]
        assert not seen.vanished
        assert not seen.complete

    def test_a_missing_message_is_searched_for(self) -> None:
        seen = Seen(
            f"""
            {self.FIRST}
            {selected(2, 4, 30)}
            S: $2 OK done
            S: $3 OK done
            S: $4 OK done
            {self.FIRST}
            C: UID SEARCH RETURN (ALL) UID 1:3
            {selected(2, 4, 30)}
            S: $5 OK done
            S: $6 OK done
            S: $7 OK done
            S: * ESEARCH (TAG "$8") UID ALL 1,3
            S: $8 OK done
            """,
            "CONDSTORE ESEARCH",
            ask(A, cursor()),
        ).only()
        assert seen.vanished == UIDSet([2])

    def test_a_search_that_does_not_add_up_leads_to_a_full_listing(self) -> None:
        seen = Seen(
            f"""
            {self.FIRST}
            {selected(2, 4, 30)}
            S: $2 OK done
            S: $3 OK done
            S: $4 OK done
            {self.FIRST}
            C: UID SEARCH UID 1:3
            {selected(2, 4, 30)}
            S: $5 OK done
            S: $6 OK done
            S: $7 OK done
            S: * SEARCH 3
            S: $8 OK done
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:{TOP} {NEW}
            {selected(2, 4, 30)}
            S: $9 OK done
            S: * 1 FETCH (UID 1 FLAGS ())
            S: * 2 FETCH (UID 3 FLAGS ())
            S: $10 OK done
            """,
            "CONDSTORE",
            ask(A, cursor()),
        ).only()
        assert seen.complete == UIDSet.span(1, 3)

    def test_nomodseq(self) -> None:
        seen = Seen(
            f"""
            {self.FIRST}
            {selected(1, 4, None)}
            S: * OK [NOMODSEQ] none
            S: $2 OK done
            S: $3 BAD no modseqs here
            S: $4 OK done
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:{TOP} {NEW}
            {selected(1, 4, None)}
            S: $5 OK done
            S: * 1 FETCH (UID 3 FLAGS ())
            S: $6 OK done
            """,
            "CONDSTORE",
            ask(A, cursor()),
        ).only()
        assert seen.cursor.highest_modseq is None
        assert seen.complete == UIDSet.span(1, 3)


class TestOneBadMailbox:
    """It stops neither the others nor the connection."""

    def test_refused_select(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            C: SELECT "b"
            C: UID FETCH 1:{TOP} {NEW}
            S: $2 NO [NONEXISTENT] gone
            S: $3 BAD nothing selected
            {selected(0, 1, None)}
            S: $4 OK done
            S: $5 OK done
            """,
            "",
            ask(A),
            ask(B),
        )
        error = seen.errors[A]
        assert isinstance(error, Refused)
        assert error.code == "NONEXISTENT"
        assert B in seen.ok

    def test_no_uidvalidity(self) -> None:
        for validity in (None, 0):
            seen = Seen(
                f"""
                C: SELECT "a"
                C: UID FETCH 1:{TOP} {NEW}
                {selected(1, 4, None, validity)}
                S: $2 OK done
                S: * 1 FETCH (UID 3 FLAGS ())
                S: $3 OK done
                """,
                "",
                ask(A),
            )
            error = seen.errors[A]
            assert isinstance(error, ServerDefect)
            assert error.reach is Reach.MAILBOX

    def test_refused_listing(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(3, 4, None)}
            S: $2 OK done
            S: * 1 FETCH (UID 1 FLAGS ())
            S: $3 NO [SERVERBUG] oops
            """,
            "",
            ask(A),
        )
        assert isinstance(seen.errors[A], Refused)
        assert not seen.ok


def test_gmail_message_ids_are_email_ids() -> None:
    seen = Seen(
        f"""
        C: SELECT "a"
        C: UID FETCH 1:{TOP} (UID FLAGS INTERNALDATE RFC822.SIZE X-GM-MSGID)
        {selected(1, 4, None)}
        S: $2 OK done
        S: * 1 FETCH (X-GM-MSGID 1278455344230334865 UID 3 FLAGS ())
        S: $3 OK done
        """,
        "X-GM-EXT-1",
        ask(A),
    ).only()
    assert seen.items[0].email_id == "1278455344230334865"


def test_many_mailboxes_need_few_round_trips() -> None:
    """Three hundred at once: never more in flight than fits, never one by one."""
    count = 300

    class Answering(Dialogue):
        async def write(self, data: bytes) -> None:
            self.writes.append(data)
            for line in data.decode().splitlines():
                tag, _, command = line.partition(" ")
                if command.startswith("SELECT"):
                    self._said += b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\n"
                self._said += f"{tag} OK done\r\n".encode()
            self._news.set()

    async def run() -> None:
        from support.dialogue import server

        dialogue = Answering("S: * PREAUTH [CAPABILITY IMAP4rev1] hi")
        made = server(dialogue)
        await made.connect()
        asks = [ask(MailboxName(f"m{number}")) for number in range(count)]
        seen = [one async for one in made.observe(asks)]
        assert len(seen) == count
        assert made.traffic.round_trips <= 12
        assert max(map(len, dialogue.writes)) < 32 << 10

    asyncio.run(run())
