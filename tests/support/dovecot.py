"""A private, throw-away Dovecot 2.3 on loopback.

    with Dovecot() as server:
        server.port, server.tls_port      # plain with STARTTLS, implicit TLS
        server.cert                       # PEM file of the CA that signed for localhost, 127.0.0.1
        server.fingerprint                # sha256 of the leaf certificate, hex
        server.password                   # the password of every user; a user is made by logging in
        server.doveadm("mailbox", "create", "-u", "ann", "Work")

Works as root (mail is then owned by nobody) and as a normal user.
"""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import trustme

from support.private import Private, free_ports

CAPABILITIES = (  # noqa: SIM905
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT MULTIAPPEND CATENATE UNSELECT CHILDREN "
    "NAMESPACE UIDPLUS LIST-EXTENDED CONDSTORE QRESYNC ESEARCH SEARCHRES WITHIN LIST-STATUS BINARY "
    "MOVE STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE COMPRESS=DEFLATE"
).split()

_CONFIG = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
{users}
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{dir}/leaf.pem
ssl_key = <{dir}/key.pem
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login
{capability}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/home/%u allow_all_users=yes
}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = {location}
mailbox_list_index = yes
mail_fsync = never
mail_max_userip_connections = 1000
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox Sent {{
    special_use = \\Sent
  }}
  mailbox Drafts {{
    special_use = \\Drafts
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
  mailbox Junk {{
    special_use = \\Junk
  }}
  mailbox Archive {{
    special_use = \\Archive
  }}
}}
mail_plugins = zlib
protocol imap {{
  mail_plugins = zlib imap_zlib
}}
default_vsz_limit = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  extra_groups =
}}
{extra}
"""


def missing() -> str:
    """Why no Dovecot can be run here; "" when one can."""
    for name in ("dovecot", "doveadm"):
        if _program(name) is None:
            return f"{name} not found: apt-get install dovecot-imapd, or set {name.upper()}_BIN"
    version = subprocess.run(
        [_program("dovecot") or "", "--version"], capture_output=True, text=True, check=False
    ).stdout
    if not version.startswith("2.3."):
        return f"the configuration here is for Dovecot 2.3, found {version.strip() or 'none'}"
    return ""


def without(*cut: str) -> str:
    """`capability` for Dovecot(): everything it can do but these atoms."""
    return " ".join(atom for atom in CAPABILITIES if atom not in cut)


def _program(name: str) -> str | None:
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin"
    return os.environ.get(name.upper() + "_BIN") or shutil.which(name, path=path)


class Dovecot(Private):
    """One instance with its own directory, ports and users.

    `capability` is what it announces instead of everything (see `without`); the server still
    understands the rest.  `extra` is configuration text put at the end.
    """

    kind = "dovecot"

    def __init__(
        self,
        *,
        capability: str = "",
        location: str = "sdbox:~/mail",
        separator: str = "/",
        prefix: str = "",
        extra: str = "",
        password: str = "secret",
    ) -> None:
        super().__init__()
        self.capability, self.location, self.extra = capability, location, extra
        self.separator, self.prefix = separator, prefix
        self.password = password
        self.tls_port = 0
        self.fingerprint = ""

    @property
    def cert(self) -> Path:
        return self.dir / "ca.pem"

    @property
    def config(self) -> Path:
        return self.dir / "dovecot.conf"

    def tunnel(self, user: str) -> tuple[str, ...]:
        """A command that speaks IMAP on its standard input and output, as PREAUTH.

        By a pipe, as through ssh: for root imap refuses to write into a socket."""
        libexec = subprocess.run(
            [_program("doveconf") or "doveconf", "-h", "libexec_dir"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        words = (f"{libexec}/imap", "-c", str(self.config), "-u", user)
        return ("sh", "-c", '"$@" | cat', "sh", *words)

    def home(self, user: str) -> Path:
        return self.dir / "home" / user

    def start(self, timeout: float = 30.0) -> Dovecot:
        self.dir = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))  # sockets: short paths
        self.dir.chmod(0o755)
        uid, gid = os.getuid(), os.getgid()
        if uid == 0:
            uid, gid = pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid
        (self.dir / "home").mkdir()
        os.chown(self.dir / "home", uid, gid)
        self._make_certificate()
        self.port, self.tls_port = free_ports(2)
        self._configure(uid, gid)
        self._serve(timeout)
        return self

    def _make_certificate(self) -> None:
        authority = trustme.CA()
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.cert)
        leaf.private_key_pem.write_to_path(self.dir / "key.pem")
        leaf.cert_chain_pems[0].write_to_path(self.dir / "leaf.pem")
        der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
        self.fingerprint = hashlib.sha256(der).hexdigest()

    def _configure(self, uid: int, gid: int) -> None:
        users = ""
        if os.getuid() != 0:
            me, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
            users = (
                f"default_internal_user = {me}\ndefault_internal_group = {group}\n"
                f"default_login_user = {me}"
            )
        self.config.write_text(
            _CONFIG.format(
                dir=self.dir,
                users=users,
                uid=uid,
                gid=gid,
                password=self.password,
                location=self.location,
                separator=self.separator,
                prefix=self.prefix,
                capability=f"imap_capability = {self.capability}" if self.capability else "",
                extra=self.extra,
                port=self.port,
                tls_port=self.tls_port,
            )
        )

    def _serve(self, timeout: float) -> None:
        self.launch([_program("dovecot") or "dovecot", "-F", "-c", str(self.config)], timeout)

    def restart(self, timeout: float = 30.0) -> None:
        """Every connection ends; then it is there again, with the same mail and ports."""
        self.end()
        self._serve(timeout)

    def doveadm(self, *args: str, check: bool = True, stdin: bytes | None = None) -> str:
        """Standard output; CalledProcessError when it fails and `check`."""
        done = subprocess.run(
            [_program("doveadm") or "doveadm", "-c", str(self.config), *args],
            check=check,
            capture_output=True,
            input=stdin,
        )
        return done.stdout.decode(errors="replace")

    def save(self, user: str, message: bytes, mailbox: str = "INBOX") -> None:
        """Deliver one message behind everybody's back."""
        self.doveadm("save", "-u", user, "-m", mailbox, stdin=message)

    def remove_users(self, users: Iterable[str]) -> None:
        for user in users:
            self.doveadm("kick", user, check=False)
            shutil.rmtree(self.home(user), ignore_errors=True)
