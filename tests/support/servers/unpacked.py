"""Debian packages of IMAP servers and mail readers, unpacked into a folder of the tests' own:
nothing is installed.

`python3 tests/support/servers/unpacked.py cyrus courier imap4d readers` fetches what is not there.
cyrus-imapd and courier-imap exclude dovecot-imapd as packages; side by side as files they do not.
Only the standard library: .ci/run starts this before there is a virtual environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# What a plain system may lack comes along; what it has is not fetched.
_COMMON = (
    *("libbz2-1.0", "libcom-err2", "libffi8", "libgmp10", "libgnutls30", "libgssapi-krb5-2"),
    *("libhogweed6", "libidn2-0", "libjson-c5", "libk5crypto3", "libkeyutils1", "libkrb5-3"),
    *("libkrb5support0", "libldap-2.5-0", "liblzma5", "libnettle8", "libnsl2", "libp11-kit0"),
    *("libpq5", "libsasl2-2", "libssl3", "libstdc++6", "libtasn1-6", "libtirpc3", "libunistring2"),
    *("libuuid1", "libwrap0", "zlib1g"),
)
PACKAGES = {
    "cyrus": (
        *("cyrus-imapd", "cyrus-common", "libclamav12", "libmspack0", "libical3", "libpcre3"),
        *("libxapian30", "libzephyr4", "libhesiod0", "libsasl2-modules", "libicu72"),
        *("libjansson4", "libxml2", "libsqlite3-0", "libmariadb3", *_COMMON),
    ),
    "sasl": ("libsasl2-modules-sql", "libmariadb3", "libpq5", "libsqlite3-0", *_COMMON),
    "courier": (
        *("courier-imap", "courier-base", "courier-authlib", "libcourier-unicode4", "libgamin0"),
        *("gamin", "libglib2.0-0", "libpcre2-8-0", "libidn12", "libpcre3", "libltdl7", "libgdbm6"),
        "libstdc++6",
    ),
    "imap4d": (
        *("mailutils-imap4d", "mailutils-common", "libmailutils9", "libgsasl18", "libgssglue1"),
        *("libntlm0", "libmariadb3", "guile-3.0-libs", "libgc1", "libidn12", "libltdl7"),
        *("libpython3.11", "libgdbm6", *_COMMON),
    ),
    "readers": (
        *("neomutt", "notmuch", "maildir-utils", "libnotmuch5", "libxapian30", "libgmime-3.0-0"),
        *("libglib2.0-0", "libgpgme11", "libassuan0", "libgpg-error0", "libgsasl18", "libgssglue1"),
        *("libntlm0", "libidn12", "libtokyocabinet9", "libtalloc2", "libsexp1", "liblua5.4-0"),
        *("guile-3.0-libs", "libgc1", "libreadline8", "libncursesw6", "libtinfo6"),
        *("libsqlite3-0", "libpcre2-8-0", "libmount1", "libblkid1", "libselinux1", *_COMMON),
    ),
}
PROGRAMS = {
    "cyrus": ("usr/lib/cyrus/bin/master", "usr/lib/cyrus/bin/imapd"),
    "sasl": (),
    "courier": ("usr/bin/imapd", "usr/bin/maildirmake.courier", "usr/libexec/gam_server"),
    "imap4d": ("usr/sbin/imap4d",),
    "readers": ("usr/bin/neomutt", "usr/bin/notmuch", "usr/bin/mu"),
}
LIBRARIES = (
    *("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"),
    *("usr/lib/aarch64-linux-gnu", "usr/lib", "usr/lib/courier-authlib"),
)


def folder(server: str) -> Path:
    """In MAILSYNC_TEST_SERVERS, else in the user's cache; root's must be open to other users, since
    a server started by root changes its user."""
    own = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    cache = own if os.getuid() else Path("/var/cache")
    base = os.environ.get("MAILSYNC_TEST_SERVERS") or cache / "mailsync-test-servers"
    return Path(base) / server


def environment(*servers: str) -> dict[str, str]:
    """What a program that was unpacked needs to find its libraries, and libsasl its plugins: those
    of the system, too, where some are unpacked."""
    there = [folder(name) / one for name in servers for one in LIBRARIES]
    there = [one for one in there if one.is_dir()]
    found = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, there))}
    if any((one / "sasl2").is_dir() for one in there):
        places = [*there, *(Path("/") / one for one in LIBRARIES)]
        found["SASL_PATH"] = ":".join(str(one / "sasl2") for one in places)
    return found


def missing(server: str) -> str:
    """Why the programs cannot be had; "" when they are there, if need be fetched just now."""
    if not (folder(server) / ".complete").exists() and (reason := fetch(server)):
        return reason
    for program in PROGRAMS[server]:
        done = _run(["ldd", str(folder(server) / program)], env=environment(server))
        lacking = [line.split()[0] for line in done.stdout.splitlines() if "not found" in line]
        if lacking:
            return f"{server}: libraries not found: {' '.join(sorted(set(lacking)))}"
    return ""


def fetch(server: str) -> str:
    """apt-get download and dpkg -x; why it could not be done, or "" when it was."""
    for tool in ("apt-get", "dpkg", "dpkg-query"):
        if shutil.which(tool) is None:
            return f"{server}: unpacked from Debian's packages, and there is no {tool}"
    target = folder(server)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as made:
        done = _run(["apt-get", "download", "-q", *_wanted(server)], cwd=made)
        if done.returncode:
            return (
                f"{server}: apt-get download failed (apt-get update?): {done.stderr.strip()[-500:]}"
            )
        (root := Path(made) / "root").mkdir()
        for package in sorted(Path(made).glob("*.deb")):
            done = _run(["dpkg", "-x", str(package), str(root)])
            if done.returncode:
                return f"{server}: dpkg -x {package.name}: {done.stderr.strip()[-500:]}"
        (root / ".complete").touch()
        root.chmod(0o755)
        if not target.exists():  # another worker may have been quicker
            root.rename(target)
    return ""


def _wanted(server: str) -> list[str]:
    """The server's packages without those that the system has, and without such as do not exist
    here: what is then lacking shows as a library that is not found."""
    names = PACKAGES[server]
    known = _run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}${binary:Package}\n", *names])
    have = {
        line[3:].strip().split(":")[0] for line in known.stdout.splitlines() if line[:2] == "ii"
    }
    return [name for name in names if name not in have and _run(["apt-cache", "show", name]).stdout]


def _run(argv: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


def main() -> int:
    bad = [reason for name in sys.argv[1:] or PACKAGES if (reason := missing(name))]
    for reason in bad:
        print(reason, file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
