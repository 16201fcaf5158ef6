"""What an odd server says at the wrong moment proves nothing: no absence, no flag, no UID."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from support.dialogue import SELECTED, play
from support.observed import ENABLED, NEW, TOP, A, B, Seen, ask, cursor, selected, uids

from mailsync.model.errors import Reach, Refused, ServerDefect
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity
from mailsync.model.uidset import UIDSet
from mailsync.server import Server

VALIDITY = UIDValidity(7)


class TestOfAnotherMailbox:
    def test_flags_before_closed_are_the_previous_mailbox_s(self) -> None:
        """RFC 7162 §3.2.11: all before CLOSED speaks of the mailbox that is closed."""
        seen = Seen(
            f"""
            {ENABLED}
            C: SELECT "a" (QRESYNC (7 20 1:3))
            C: UID FETCH 4:{TOP} {NEW}
            C: SELECT "b" (QRESYNC (7 20 1:3))
            C: UID FETCH 4:{TOP} {NEW}
            {selected(3, 4, 30)}
            S: $3 OK done
            S: $4 OK done
            S: * 2 FETCH (UID 2 FLAGS (\\\\Deleted) MODSEQ (31))
            S: * OK [CLOSED] bye
            {selected(3, 4, 30)}
            S: * 3 FETCH (UID 3 FLAGS (\\\\Seen) MODSEQ (29))
            S: $5 OK done
            S: $6 OK done
            """,
            "ENABLE QRESYNC",
            ask(A, cursor()),
            ask(B, cursor()),
        )
        assert uids(seen.ok[B]) == [3]

    def test_flags_within_a_select_without_qresync(self) -> None:
        """Nobody asked for any, and there is no CLOSED to tell whose they are."""
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:3 (UID FLAGS)
            C: UID FETCH 4:{TOP} {NEW}
            S: * 2 FETCH (UID 2 FLAGS (\\\\Deleted))
            {selected(2, 4, None)}
            S: $2 OK done
            S: * 1 FETCH (UID 1 FLAGS ())
            S: * 2 FETCH (UID 3 FLAGS ())
            S: $3 OK done
            S: $4 OK done
            """,
            "",
            ask(A, cursor(modseq=None)),
        ).only()
        assert uids(seen) == [1, 3]
        assert seen.complete == UIDSet.span(1, 3)


class TestExpungedMeanwhile:
    """By number: which of those already listed it was is not told."""

    def test_a_listing_by_number_passes_one_over(self) -> None:
        """As many as there are, but not those: UID 3 is alive."""
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(3, 4, None)}
            S: $2 OK done
            S: * 1 FETCH (UID 1 FLAGS ())
            S: * 2 FETCH (UID 2 FLAGS ())
            S: * 1 EXPUNGE
            S: $3 OK done
            """,
            "",
            ask(A),
        ).only()
        assert not seen.complete

    def test_one_that_went_before_the_listing_began(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(3, 4, None)}
            S: $2 OK done
            S: * 1 EXPUNGE
            S: * 1 FETCH (UID 2 FLAGS ())
            S: * 2 FETCH (UID 3 FLAGS ())
            S: $3 OK done
            """,
            "",
            ask(A),
        ).only()
        assert seen.complete == UIDSet.span(1, 3)

    def test_a_search(self) -> None:
        first = f"""
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:3 (UID FLAGS) (CHANGEDSINCE 20)
            C: UID FETCH 4:{TOP} {NEW}
        """
        seen = Seen(
            f"""
            {first}
            {selected(2, 4, 30)}
            S: $2 OK done
            S: $3 OK done
            S: $4 OK done
            {first}
            C: UID SEARCH UID 1:3
            {selected(2, 4, 30)}
            S: $5 OK done
            S: $6 OK done
            S: $7 OK done
            S: * SEARCH 1
            S: * 1 EXPUNGE
            S: $8 OK done
            C: SELECT "a" (CONDSTORE)
            C: UID FETCH 1:{TOP} {NEW}
            {selected(1, 4, 30)}
            S: $9 OK done
            S: * 1 FETCH (UID 3 FLAGS ())
            S: $10 OK done
            """,
            "CONDSTORE",
            ask(A, cursor()),
        ).only()
        assert uids(seen) == [3]
        assert not seen.vanished


class TestSaidToBeEmpty:
    @pytest.mark.parametrize(
        "why", ["[UNAVAILABLE] the store is away", "[SERVERBUG] oops", "temporary failure"]
    )
    def test_by_a_server_in_trouble(self, why: str) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(0, 4, None)}
            S: $2 OK done
            S: $3 NO {why}
            """,
            "",
            ask(A, cursor(modseq=None), full=True),
        )
        assert isinstance(seen.errors[A], Refused)
        assert not seen.ok


class TestUidNext:
    def test_one_that_no_uid_can_be(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(1, 99999999999, None)}
            S: $2 OK done
            S: * 1 FETCH (UID 3 FLAGS ())
            S: $3 OK done
            """,
            "",
            ask(A),
        ).only()
        assert seen.cursor == cursor(4, 1, None)

    def test_the_highest_uid_is_in_use(self) -> None:
        """UIDNEXT is beyond all UIDs then, and what is new has none."""

        async def step(server: Server) -> list[int]:
            seen = await server.recheck(A, UID(TOP + 1), uid_validity=VALIDITY)
            return uids(seen)

        script = f"""
            C: SELECT "a"
            C: UID FETCH {TOP} {NEW}
            {SELECTED}
            S: * 3 FETCH (UID {TOP} FLAGS ())
            S: $3 OK done
        """
        assert play(script, step) == []


class TestUidNextWentBack:
    """A server that was restored from a backup: its UIDs are given a second time."""

    def listed(self, told: int | None) -> str:
        return f"""
            C: SELECT "a"
            C: UID FETCH 1:3 (UID FLAGS)
            C: UID FETCH 4:{TOP} {NEW}
            {selected(1, told, None)}
            S: $2 OK done
            S: * 1 FETCH (UID 1 FLAGS ())
            S: $3 OK done
            S: $4 OK done
        """

    def in_full(self, *found: int) -> str:
        rows = "\n".join(f"S: * 1 FETCH (UID {uid} FLAGS () RFC822.SIZE 3)" for uid in found)
        return f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(len(found), 2, None)}
            S: $5 OK done
            {rows}
            S: $6 OK done
        """

    def test_is_told_by_a_full_listing(self) -> None:
        script = self.listed(2) + self.in_full(1)
        seen = Seen(script, "", ask(A, cursor(modseq=None))).only()
        assert seen.went_back
        assert seen.items[0].size == 3

    def test_one_that_is_always_too_low_does_not(self) -> None:
        script = self.listed(2) + self.in_full(1, 3)
        seen = Seen(script, "", ask(A, cursor(modseq=None))).only()
        assert not seen.went_back
        assert seen.cursor.uid_next == 4

    def test_one_that_is_not_told_does_not(self) -> None:
        """The highest UID was expunged, that is all."""
        seen = Seen(self.listed(None), "", ask(A, cursor(modseq=None))).only()
        assert not seen.went_back


def test_the_audit_looks_at_dates_and_sizes_too() -> None:
    """By flags alone a message is not told from another that has its UID by now."""
    seen = Seen(
        f"""
        C: SELECT "a"
        C: UID FETCH 1:3 (UID FLAGS)
        C: UID FETCH 1:2 {NEW}
        C: UID FETCH 4:{TOP} {NEW}
        {selected(1, 4, None)}
        S: $2 OK done
        S: * 1 FETCH (UID 1 FLAGS ())
        S: $3 OK done
        S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 3)
        S: $4 OK done
        S: $5 OK done
        """,
        "",
        replace(ask(A, cursor(modseq=None)), audit=UIDSet.span(1, 2)),
    ).only()
    assert seen.items[0].size == 3


def test_an_esearch_that_is_cut_off_is_no_answer() -> None:
    """It counts three: an EXPUNGE of what is marked would take one that is not ours."""

    async def step(server: Server) -> UIDSet:
        return await server.deleted(A)

    script = f"""
        C: SELECT "a"
        C: UID SEARCH RETURN (ALL COUNT) DELETED
        {SELECTED}
        S: * ESEARCH (TAG "$3") UID COUNT 3 ALL 1:2
        S: $3 OK done
        C: UID SEARCH DELETED
        S: * SEARCH 1 2 9
        S: $4 OK done
    """
    assert play(script, step, "ESEARCH") == UIDSet([1, 2, 9])


class TestRenumbered:
    """A UIDVALIDITY that changes while the mailbox is selected."""

    def test_nothing_is_changed_by_uids_of_before(self) -> None:
        async def step(server: Server) -> None:
            with contextlib.suppress(Refused):
                await server.flags(A, UIDSet([3]))
            one = UIDSet([3])
            await server.store(A, one, Flags.DELETED, Flags.NONE, uid_validity=VALIDITY)

        script = f"""
            C: SELECT "a"
            C: UID FETCH 3 (UID FLAGS)
            {SELECTED}
            S: * 3 FETCH (UID 3 FLAGS ())
            S: * OK [UIDVALIDITY 8] renumbered
            S: $3 OK done
            C: SELECT "a"
            S: * 3 EXISTS
            S: * OK [UIDVALIDITY 8] fine
            S: $4 OK done
        """
        with pytest.raises(Refused, match="new UIDVALIDITY") as caught:
            play(script, step)
        assert caught.value.code == "UIDVALIDITY"

    def test_no_text_is_taken_for_that_of_another_message(self) -> None:
        taken: list[bytes | None] = []

        async def step(server: Server) -> None:
            async for body in server.bodies(A, [UID(1), UID(2)], one_by_one=2):
                taken.append(body.data)

        script = f"""
            C: SELECT "a"
            C: UID FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[])
            C: UID FETCH 2 (UID FLAGS INTERNALDATE BODY.PEEK[])
            {SELECTED}
            S: * OK [UIDVALIDITY 8] renumbered
            S: * 1 FETCH (UID 1 FLAGS () BODY[] {{1}}
            S: a)
            S: $3 OK done
            S: * 2 FETCH (UID 2 FLAGS () BODY[] {{1}}
            S: b)
            S: $4 OK done
        """
        with pytest.raises(Refused, match="new UIDVALIDITY"):
            play(script, step)
        assert not taken

    def test_the_same_one_said_again_is_no_news(self) -> None:
        async def step(server: Server) -> dict[UID, object]:
            return dict(await server.flags(A, UIDSet([3])))

        script = f"""
            C: SELECT "a"
            C: UID FETCH 3 (UID FLAGS)
            {SELECTED}
            S: * OK [UIDVALIDITY 7] still
            S: * 3 FETCH (UID 3 FLAGS ())
            S: $3 OK done
        """
        assert list(play(script, step)) == [3]

    def test_while_it_is_observed(self) -> None:
        seen = Seen(
            f"""
            C: SELECT "a"
            C: UID FETCH 1:{TOP} {NEW}
            {selected(1, 4, None)}
            S: $2 OK done
            S: * OK [UIDVALIDITY 8] renumbered
            S: * 1 FETCH (UID 1 FLAGS ())
            S: $3 OK done
            """,
            "",
            ask(A),
        )
        error = seen.errors[A]
        assert isinstance(error, ServerDefect)
        assert error.reach is Reach.MAILBOX
