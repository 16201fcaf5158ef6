"""Observe, as dialogues: what is asked in one write, and what the answers prove."""

from __future__ import annotations

import asyncio

from support.dialogue import Dialogue
from support.observed import DATE, NEW, TOP, A, B, Seen, ask, cursor, selected, uids

from mailsync.model.errors import Reach, Refused, ServerDefect
from mailsync.model.flags import ALL_FLAGS, Flags
from mailsync.model.mailboxname import MailboxName
from mailsync.model.uidset import UIDSet


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

    def test_a_range_that_ends_where_nothing_is(self) -> None:
        """GNU imap4d: the UID went away, and another came later."""
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:4 (UID FLAGS)
            C: UID FETCH 5:{TOP} {NEW}
            {selected(2, 6, None)}
            S: $2 OK done
            S: $3 BAD UID FETCH Failed to parse message set
            S: * 2 FETCH (UID 5 FLAGS ())
            S: $4 OK done
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(2, 6, None)}
            S: $5 OK done
            S: * 1 FETCH (UID 1 FLAGS ())
            S: * 2 FETCH (UID 5 FLAGS ())
            S: $6 OK done
            """,
            "",
            ask(A, cursor(5, modseq=None)),
        ).only()
        assert uids(seen) == [1, 5]
        assert seen.complete == UIDSet.span(1, 5)

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

    def test_uids_that_are_not_sticky(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(1, 4, None)}
            S: * NO [UIDNOTSTICKY] Non-persistent UIDs
            S: $2 OK done
            S: * 1 FETCH (UID 3 FLAGS ())
            S: $3 OK done
            """,
            "",
            ask(A),
        )
        error = seen.errors[A]
        assert isinstance(error, ServerDefect)
        assert "UIDNOTSTICKY" in str(error)
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
        made = server(dialogue, tunnel=("x",))
        await made.connect()
        asks = [ask(MailboxName(f"m{number}")) for number in range(count)]
        seen = [one async for one in made.observe(asks)]
        assert len(seen) == count
        assert made.traffic.round_trips <= 12
        assert max(map(len, dialogue.writes)) < 32 << 10

    asyncio.run(run())
