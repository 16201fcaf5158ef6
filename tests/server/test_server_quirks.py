"""Quirks of providers, as dialogues: written by hand from what each is known to do."""

from __future__ import annotations

import asyncio

import pytest
from support.dialogue import CAPABILITIES, LOGIN, Dialogue, logged_in, play, server
from support.observed import NEW, TOP, A, ask, cursor, selected, uids

from mailsync.imap import Quirk
from mailsync.model.errors import Disconnected, Help, MailsyncError, Throttled, Unavailable
from mailsync.model.observation import Cursor, ServerMailbox, ServerObservation
from mailsync.model.uidset import UIDSet
from mailsync.server import Server

BACKOFF = "Request is throttled. Suggested Backoff Time: 29961 milliseconds"
LIMITS = "[OVERQUOTA] Account exceeded command or bandwidth limits."


async def listed(server: Server) -> list[ServerMailbox]:
    return await server.mailboxes()


async def observed(server: Server, had: Cursor | None) -> ServerObservation:
    (seen,) = [seen async for seen in server.observe([ask(A, had)])]
    if isinstance(seen, tuple):
        raise seen[1]
    return seen


def test_what_a_quirk_forbids_is_not_asked() -> None:
    """Exchange 2003 dies of NAMESPACE; the user says what else his server cannot do."""
    script = """
        C: LIST "" "*"
        S: * LIST () "/" INBOX
        S: $2 OK done
        C: STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
        S: * STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 2)
        S: $3 OK done
    """
    chosen = ("no-namespace", "no-list-status", "no-condstore")
    boxes = play(script, listed, "NAMESPACE LIST-STATUS CONDSTORE", quirks=chosen)
    assert [box.name for box in boxes] == ["INBOX"]


def test_zoho_s_modification_numbers_are_not_believed() -> None:
    """MODSEQ (-1): flags are listed, and the cursor says nothing of them."""
    greeting = LOGIN.replace("ready", "IMAP4 Server (Zoho Mail IMAP4rev1 Server version 1.0)")
    script = f"""
        {greeting}
        S: $1 OK [CAPABILITY IMAP4rev1 UIDPLUS ESEARCH CONDSTORE] in
        C: SELECT "a"
        C: UID FETCH 1:3 (UID FLAGS)
        C: UID FETCH 4:{TOP} {NEW}
        {selected()}
        S: $2 OK [READ-WRITE] done
        S: * 1 FETCH (UID 1 MODSEQ (-1) FLAGS (\\\\Seen))
        S: * 2 FETCH (UID 2 FLAGS ())
        S: * 3 FETCH (UID 3 FLAGS ())
        S: $3 OK done
        S: $4 OK done
    """

    async def run() -> ServerObservation:
        dialogue = Dialogue(script)
        made = server(dialogue)
        await made.connect()
        seen = await observed(made, cursor())
        dialogue.done()
        return seen

    seen = asyncio.run(run())
    assert seen.cursor == cursor(modseq=None)
    assert uids(seen) == [1, 2, 3]
    assert seen.complete == UIDSet.span(1, 3)


def test_the_user_trusts_what_we_do_not() -> None:
    """iCloud one day mends its QRESYNC: "!no-qresync"."""
    script = """
        C: ENABLE QRESYNC
        C: LIST "" "*"
        S: * ENABLED QRESYNC
        S: $2 OK done
        S: * LIST () "/" INBOX
        S: $3 OK done
        C: STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)
        S: $4 NO no
    """
    play(script, listed, "XAPPLEPUSHSERVICE ENABLE QRESYNC", quirks=("!no-qresync",))


def test_quirks_are_told_once_the_server_said_who_it_is(caplog: pytest.LogCaptureFixture) -> None:
    script = """
        C: ID ("name" "mailsync" "vendor" "mailsync")
        C: LIST "" "*"
        S: * ID ("name" "DavMail")
        S: $2 OK done
        S: * LIST () "/" INBOX
        S: $3 OK done
        C: STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
        S: $4 NO no
    """
    with caplog.at_level("INFO", "mailsync.sync"):
        play(script, listed, "ID")
    assert caplog.messages == ["test: quirks of this server: no-size"]


def said(line: str) -> MailsyncError:
    """What becomes of a refused SELECT, or of a connection that ends with `line`."""
    script = f"""
        C: SELECT "a"
        C: UID FETCH 1:{TOP} {NEW}
        S: {line}
        S: EOF
    """

    async def run() -> MailsyncError:
        made, _ = await logged_in(script)
        with pytest.raises(MailsyncError) as caught:
            await observed(made, None)
        return caught.value

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("line", "kind", "wait"),
    [
        (f"$2 BAD {BACKOFF}\nS: $3 BAD {BACKOFF}", Throttled, 29.961),
        (f"$2 BAD {BACKOFF}\nS: EOF", Disconnected, 29.961),
        (f"$2 BAD {BACKOFF}\nS: * BYE [UNAVAILABLE] too much", Unavailable, 29.961),
        (f"$2 NO {LIMITS}\nS: $3 NO {LIMITS}", Throttled, None),
        ("* BYE Session invalidated - AccessTokenExpired", Disconnected, None),
        ("* BYE Session expired, please login again.", Disconnected, None),
        ("* BYE [UNAVAILABLE] later", Unavailable, None),
    ],
)
def test_a_provider_s_words_for_later(
    line: str, kind: type[MailsyncError], wait: float | None
) -> None:
    """Exchange names a time and hangs up: the time counts all the same."""
    error = said(line)
    assert (type(error), error.retry_after) == (kind, wait)
    assert error.help is (Help.RETRY if kind is Disconnected else Help.WAIT)


def test_a_provider_is_found_by_what_it_announces_before_the_login() -> None:
    """Gmail and Exchange Online say most of it only afterwards: capabilities are read again."""

    async def run() -> frozenset[Quirk]:
        made = server(
            Dialogue(f"{LOGIN}\nS: $1 OK [CAPABILITY IMAP4rev1 CLIENTACCESSRULES MOVE] in")
        )
        await made.connect()
        return made.link.quirks

    assert "CLIENTACCESSRULES" not in CAPABILITIES
    assert asyncio.run(run()) == {Quirk.NO_KEYWORDS, Quirk.FLAGGED_AFTER_APPEND}
