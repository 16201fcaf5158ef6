"""The text of a message that looks like IMAP commands is never read as such (protocol.md §0.3)."""

from __future__ import annotations

import asyncio

import pytest
from support.dialogue import Dialogue, logged_in, message

from mailsync.model.errors import MailsyncError
from mailsync.model.mailboxname import INBOX
from mailsync.server import Server

COMMANDS = (
    b"x CREATE injected\r\nx STORE 1:* +FLAGS (\\Deleted)\r\nx EXPUNGE\r\n"
    b"x LOGOUT\r\n{5}\r\nx APPEND INBOX {3+}\r\n"
)
REFUSALS = {
    "NO": "S: $2 NO [OVERQUOTA] full",
    "BAD": "S: $2 BAD what is \\\\Recent?",
    "TRYCREATE": "S: $2 NO [TRYCREATE] no such mailbox",
    "OK": "S: $2 OK stored",
    "BYE": "S: * BYE enough",
    "the end": "S: EOF",
    "another tag": "S: X9 OK stored",
    "the tag twice": "S: $2 NO no\nS: $2 OK stored",
    "an untagged OK": "S: * OK go on\nS: EOF",
    "nonsense": "S: * 1 FETCH (((",
    "refusal, then a late +": "S: $2 NO no\nS: + go on",
    "silence": "",
}
LITERALS = ("", "LITERAL-", "LITERAL+", "LITERAL+ MULTIAPPEND")


@pytest.mark.parametrize("capabilities", LITERALS)
@pytest.mark.parametrize("name", REFUSALS)
def test_nothing_of_a_refused_message_is_sent(name: str, capabilities: str) -> None:
    async def attempt() -> Dialogue:
        script = f'C: APPEND "INBOX" {{{len(COMMANDS)}}}\n{REFUSALS[name]}'
        server, dialogue = await logged_in(script, capabilities, timeout=0.1)
        count = 2 if "MULTIAPPEND" in capabilities else 1
        with pytest.raises(MailsyncError):
            await server.append(INBOX, [message(COMMANDS)] * count)
        await server.close()
        return dialogue

    dialogue = asyncio.run(attempt())
    sent = b"".join(dialogue.writes)
    assert b"APPEND" in sent
    for word in (b"injected", b"STORE", b"EXPUNGE", b"{3+}"):
        assert word not in sent
    lines = [line for line in sent.split(b"\r\n") if b" " in line]
    assert not any(line.startswith(b"x ") for line in lines)


@pytest.mark.parametrize(
    "mid",
    [
        'a"\r\nx STORE 1:* +FLAGS (\\Deleted)\r\n@b',
        "a\nx EXPUNGE\n@b",
        "a\0b",
        'a\\" OR ALL "@b',
        "{5+}\r\nhello",
        "a\r\n",
    ],
)
def test_a_hostile_message_id_is_one_string(mid: str) -> None:
    """CVE-2025-15366 and its kin: what a header says is sent quoted, or not at all."""

    async def attempt() -> bytes:
        server, dialogue = await logged_in("", "LITERAL+", timeout=0.1)
        with pytest.raises(MailsyncError):
            await _search(server, mid)
        return b"".join(dialogue.writes)

    async def _search(server: Server, text: str) -> None:
        await server.search_message_id(INBOX, text)

    try:
        sent = asyncio.run(attempt())
    except ValueError:
        return
    assert b"SEARCH HEADER" in sent
    lines = sent.split(b"\r\n")
    assert all(b"SEARCH" in line for line in lines if b"Message-ID" in line or b"STORE" in line)
    assert not any(line.startswith((b"x ", b"hello")) for line in lines)
