"""Raw dialogues with a SimServer, without time."""

from __future__ import annotations

from dataclasses import replace

from .server import SimServer, talk
from .server_profile import Profile, strict_qresync
from .server_session import Session

MAIL = b"From: a@x\r\nMessage-ID: <%d@x>\r\nX-Ghost: g%d\r\n\r\nbody %d\r\n"


def mail(number: int) -> bytes:
    return MAIL % (number, number, number)


def filled(profile: Profile | None = None, count: int = 3) -> SimServer:
    server = SimServer(replace(profile or strict_qresync(), chatty=False))
    for number in range(1, count + 1):
        server.deliver("INBOX", mail(number))
    return server


def entered(server: SimServer, *lines: str) -> Session:
    session = server.session()
    say(session, "LOGIN joe secret", *lines)
    return session


def say(session: Session, *lines: str) -> list[str]:
    """Each line gets a tag; all answers, the tags cut from OK/NO/BAD."""
    said = b"".join(b"A %b\r\n" % line.encode() for line in lines)
    out = talk(session, said).decode("latin-1")
    return [line.removeprefix("A ") for line in out.split("\r\n")[:-1]]
