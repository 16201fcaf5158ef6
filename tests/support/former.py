"""The programs that people come from, run for real: mbsync, and OfflineIMAP (of the test extra).

tool = Mbsync(rig)            # a Rig or Wired; the tree is the rig's Maildir
tool.run()                    # one sync of it, without our proxy in between
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support.rig import Rig

_MBSYNC = """\
IMAPAccount account
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs LOGIN
Timeout 120

IMAPStore far
Account account

MaildirStore near
{tree}

Channel channel
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
{more}
"""
VERBATIM = "Path {mail}/\nInbox {mail}/INBOX\nSubFolders Verbatim"
MAILDIRPP = "Inbox {mail}\nSubFolders Maildir++"

_OFFLINEIMAP = """\
[general]
accounts = Me
metadata = {home}/.offlineimap
ui = quiet

[Account Me]
localrepository = Here
remoterepository = There

[Repository Here]
type = Maildir
localfolders = {mail}
sep = {sep}

[Repository There]
type = IMAP
remotehost = 127.0.0.1
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = no
starttls = no
{more}
"""


def mbsync() -> str | None:
    return shutil.which("mbsync")


def offlineimap() -> str | None:
    beside = Path(sys.executable).parent / "offlineimap"
    return str(beside) if beside.exists() else shutil.which("offlineimap")


def missing() -> str:
    """Why these tests cannot run; "" when they can."""
    if mbsync() is None:
        return "mbsync not found: apt-get install isync"
    return "" if offlineimap() else "offlineimap not found: pip install '.[test]'"


@dataclass
class Tool:
    rig: Rig
    conf: Path

    @property
    def home(self) -> Path:
        return self.rig.root / "home"

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}

    def run(self, check: bool = True) -> str:
        raise NotImplementedError

    def _run(self, argv: list[str], check: bool) -> str:
        self.home.mkdir(exist_ok=True)
        done = subprocess.run(argv, capture_output=True, text=True, env=self.environment())
        assert not (check and done.returncode), done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout + done.stderr


class Mbsync(Tool):
    def __init__(self, rig: Rig, tree: str = VERBATIM, more: str = "SyncState *") -> None:
        super().__init__(rig, rig.root / ".mbsyncrc")
        rig.maildir.mkdir(exist_ok=True)
        text = _MBSYNC.format(
            port=rig.server.port,
            user=rig.user,
            password=rig.server.password,
            tree=tree.format(mail=rig.maildir),
            more=more.format(home=self.home),
        )
        self.conf.write_text(text)

    def run(self, check: bool = True) -> str:
        return self._run([mbsync() or "", "-c", str(self.conf), "-a"], check)


class OfflineImap(Tool):
    def __init__(self, rig: Rig, sep: str = "/", more: str = "") -> None:
        super().__init__(rig, rig.root / ".offlineimaprc")
        rig.maildir.mkdir(exist_ok=True)
        text = _OFFLINEIMAP.format(
            port=rig.server.port,
            user=rig.user,
            password=rig.server.password,
            mail=rig.maildir,
            home=self.home,
            sep=sep,
            more=more,
        )
        self.conf.write_text(text)

    def run(self, check: bool = True) -> str:
        return self._run([offlineimap() or "", "-c", str(self.conf), "-o"], check)
