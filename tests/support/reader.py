"""A mail reader that is a Dovecot of its own on the very Maildir that is synced (Maildir++)."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from mailsync.system.seams import Writer
from support.client import Client
from support.dovecot import Dovecot
from support.wired import Disk, Wired

USER = "reader"


class Owned(Disk):
    """What root makes belongs to the user as whom the reader's Dovecot runs."""

    def __init__(self) -> None:
        super().__init__()
        self.owner = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else -1
        self.group = pwd.getpwnam("nobody").pw_gid if os.geteuid() == 0 else -1

    def mkdir(self, path: str) -> None:
        super().mkdir(path)
        os.chown(path, self.owner, self.group)

    def create(self, path: str) -> Writer:
        made = super().create(path)
        os.chown(path, self.owner, self.group)
        return made


class Reader(Dovecot):
    """`adopt` makes a rig's Maildir the mail of its only user."""

    def __init__(self, extra: str = "") -> None:
        super().__init__(location="maildir:~/rig/mail", extra=extra)

    @property
    def rig_root(self) -> Path:
        return self.home(USER) / "rig"

    def adopt(self, rig: Wired) -> None:
        home = self.home(USER)
        self.rig_root.mkdir(parents=True)
        for path in (home, self.rig_root):
            os.chown(path, self.disk_owner(rig), -1)
        rig.root = self.rig_root

    @staticmethod
    def disk_owner(rig: Wired) -> int:
        assert isinstance(rig.disk, Owned)
        return rig.disk.owner

    def client(self) -> Client:
        return Client(self.port, USER, self.password)
