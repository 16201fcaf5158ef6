"""Observe by QRESYNC and CONDSTORE, as dialogues."""

from __future__ import annotations

from support.observed import ENABLED, NEW, TOP, A, B, Seen, ask, cursor, selected, uids

from mailsync.model.uidset import UIDSet


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
            C: UID SEARCH RETURN (ALL COUNT) UID 1:3
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

    def test_an_empty_mailbox_that_got_a_copy_of_ours_is_asked_for_once(self) -> None:
        """Its UID is known before the cursor moves: there is nothing old to search for."""
        seen = Seen(
            f"""
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:{TOP} {NEW}
            {selected(1, 2, 30)}
            S: $2 OK done
            S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 3)
            S: $3 OK done
            """,
            "CONDSTORE ESEARCH",
            ask(A, cursor(1, 0, 20), known=1),
        ).only()
        assert uids(seen) == [1]
        assert not seen.vanished

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

    def test_what_we_put_into_an_empty_mailbox(self) -> None:
        """Known already, and above UIDNEXT: nothing older can have gone, nothing to search in."""
        seen = Seen(
            f"""
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:{TOP} {NEW}
            {selected(2, 3, 30)}
            S: $2 OK done
            S: * 1 FETCH (UID 1 FLAGS ())
            S: * 2 FETCH (UID 2 FLAGS ())
            S: $3 OK done
            """,
            "CONDSTORE",
            ask(A, cursor(1, 0, 20), known=2),
        ).only()
        assert uids(seen) == [1, 2]
        assert not seen.vanished

    def test_an_empty_mailbox_that_does_not_add_up(self) -> None:
        """Listed in full, once."""
        again = f"""
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:{TOP} {NEW}
            {selected(2, 3, 30)}
            S: $OK OK done
            S: * 1 FETCH (UID 1 FLAGS ())
            S: $END OK done
            """
        seen = Seen(
            again.replace("$OK", "$2").replace("$END", "$3")
            + again.replace("$OK", "$4").replace("$END", "$5"),
            "CONDSTORE",
            ask(A, cursor(1, 0, 20), known=0),
        ).only()
        assert uids(seen) == [1]
        assert not seen.complete

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
