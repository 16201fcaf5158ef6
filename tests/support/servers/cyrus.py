"""A private, throw-away Cyrus 3.6 on loopback, unpacked from Debian's packages.

with Cyrus() as server:
    server.port, server.password      # plain; a user is made by logging in, with INBOX and roles

`alternative` False gives the old name space: everything below INBOX., with the delimiter `.`.
`tls` names versions ("tls1_2", "tls1_3"): then there is TLS, at once on `tls_port` and by STARTTLS,
its CA is `cert`, and SCRAM with -PLUS by libsasl's plugins (unpacked as "sasl").
`removal` "delayed", the default of Cyrus itself, keeps what is expunged or deleted out of sight.
"""

from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import trustme

from support.private import Private, free_ports
from support.servers import unpacked
from support.servers.saslauthd import Saslauthd

_IMAPD = """\
configdirectory: {dir}/conf
partition-default: {dir}/spool
defaultpartition: default
proc_path: {dir}/proc
mboxname_lockpath: {dir}/lock
temp_path: {dir}/tmp
idlesocket: {dir}/idle
syslog_prefix: {name}
cyrus_user: {user}
admins: admin
allowplaintext: yes
{login}
unixhierarchysep: {alternative}
altnamespace: {alternative}
virtdomains: off
autocreate_quota: 0
autocreate_inbox_folders: Drafts | Sent | Trash | Archive
autocreate_subscribe_folders: Drafts | Sent | Trash | Archive
xlist-drafts: Drafts
xlist-sent: Sent
xlist-trash: Trash
xlist-archive: Archive
delete_mode: {removal}
expunge_mode: {removal}
conversations: no
search_engine: none
skiplist_always_checkpoint: no
sync_log: no
imapidlepoll: 1
maxlogins_per_user: 0
maxmessagesize: 0
failedloginpause: 0
popminpoll: 0
"""
_LOGIN = """\
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {dir}/auth/mux
sasl_mech_list: PLAIN
"""
# SCRAM needs the password itself: every user has the same one.
_SCRAM = """\
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sql
sasl_sql_engine: sqlite3
sasl_sql_database: {dir}/auth/passwords
sasl_sql_select: SELECT password FROM users
sasl_mech_list: PLAIN SCRAM-SHA-1 SCRAM-SHA-256
tls_versions: {tls}
tls_server_cert: {dir}/leaf.pem
tls_server_key: {dir}/key.pem
"""
_MASTER = """\
START {{ }}
SERVICES {{
  imap cmd="{bin}/imapd -C {dir}/imapd.conf" listen="127.0.0.1:{port}" prefork=1 maxchild=100
  {only}imaps cmd="{bin}/imapd -s -C {dir}/imapd.conf" listen="127.0.0.1:{tls_port}"
}}
EVENTS {{ }}
"""


class Cyrus(Private):
    kind = "cyrus"

    def __init__(
        self, *, alternative: bool = True, removal: str = "immediate", tls: str = ""
    ) -> None:
        super().__init__()
        self.alternative, self.removal, self.tls = alternative, removal, tls
        self.tls_port = 0
        self._auth: Saslauthd | None = None

    @property
    def _programs(self) -> Path:
        return unpacked.folder("cyrus") / "usr/lib/cyrus/bin"

    @property
    def prefix(self) -> str:
        return "" if self.alternative else "INBOX."

    @property
    def separator(self) -> str:
        return "/" if self.alternative else "."

    def start(self, timeout: float = 30.0) -> Cyrus:
        # It makes everything durable at once: where that costs nothing, if there is such a place.
        fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
        self.dir = Path(tempfile.mkdtemp(prefix="cyrus-", dir=fast))
        self.dir.chmod(0o755)
        user = pwd.getpwuid(os.getuid()).pw_name if os.getuid() else "nobody"
        for name in ("conf", "spool", "proc", "lock", "tmp", "auth", "conf/db", "conf/socket"):
            (self.dir / name).mkdir()
            if os.getuid() == 0:
                shutil.chown(self.dir / name, user)
        self.port, self.tls_port = free_ports(2)
        if self.tls:
            self._make_certificate(user)
        yes = "yes" if self.alternative else "no"
        (self.dir / "imapd.conf").write_text(
            _IMAPD.format(
                dir=self.dir,
                name=self.dir.name,
                user=user,
                alternative=yes,
                removal=self.removal,
                login=(_SCRAM if self.tls else _LOGIN).format(dir=self.dir, tls=self.tls),
            )
        )
        (self.dir / "cyrus.conf").write_text(
            _MASTER.format(
                bin=self._programs,
                dir=self.dir,
                port=self.port,
                tls_port=self.tls_port,
                only="" if self.tls else "#",
            )
        )
        self._serve(timeout)
        return self

    @property
    def cert(self) -> Path:
        return self.dir / "ca.pem"

    def _make_certificate(self, user: str) -> None:
        authority = trustme.CA()
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.cert)
        leaf.private_key_pem.write_to_path(self.dir / "key.pem")
        leaf.cert_chain_pems[0].write_to_path(self.dir / "leaf.pem")
        with closing(sqlite3.connect(self.dir / "auth/passwords")) as users, users:
            users.execute("CREATE TABLE users (password TEXT)")
            users.execute("INSERT INTO users VALUES (?)", (self.password,))
        if os.getuid() == 0:
            for name in ("key.pem", "auth/passwords"):
                shutil.chown(self.dir / name, user)

    def _serve(self, timeout: float) -> None:
        self._auth = Saslauthd(self.dir / "auth" / "mux", self.password)
        self.launch(
            [
                *(str(self._programs / "master"), "-D", "-C", str(self.dir / "imapd.conf")),
                *("-M", str(self.dir / "cyrus.conf"), "-p", str(self.dir / "master.pid")),
            ],
            timeout,
            unpacked.environment("cyrus", "sasl") | {"CYRUS_VERBOSE": "1"},
        )

    def restart(self, timeout: float = 30.0) -> None:
        """Every connection ends; then it is there again, with the same mail and port."""
        self.end()
        self._serve(timeout)

    def end(self) -> None:
        super().end()
        if self._auth is not None:
            self._auth.close()
            self._auth = None
