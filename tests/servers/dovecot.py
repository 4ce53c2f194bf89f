"""A real Dovecot on loopback, with a mailbox for every name that logs in."""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

_CONFIG = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login{mechanisms}
mail_location = maildir:{home}/mail/%n
first_valid_uid = 1
default_login_user = dovenull
default_internal_user = dovecot
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
  mechanisms = plain login
}}
{by_token}userdb {{
  driver = static
  args = uid=mail gid=mail home={home}/mail/%n
}}
namespace inbox {{
  inbox = yes
}}
"""

_BY_TOKEN = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {home}/oauth2.conf
}}
"""
_OAUTH2 = """\
introspection_url = {url}
introspection_mode = get
username_attribute = email
active_attribute = active
active_value = true
"""


def missing_dovecot() -> str | None:
    """Say why a Dovecot cannot run here; None when it can."""
    if shutil.which("dovecot", path=_path()) is None:
        return "dovecot is not installed (apt-get install dovecot-imapd)"
    if os.geteuid() != 0:
        return "dovecot switches to the mail user, which only root may do"
    return None


@dataclass(frozen=True)
class Dovecot:
    """A running server. Any user name logs in with `password`."""

    host: str
    port: int
    user: str
    password: str
    home: Path
    _count: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def for_user(self, user: str) -> "Dovecot":
        """The same server seen by another user."""
        return replace(self, user=user)

    def deliver(self, raw: bytes, user: str = "") -> None:
        """Put one mail into a user's INBOX, as a delivery agent does; nothing is marked."""
        box = self._maildir(user or self.user)
        # Maildir order is the order of the names; a counter keeps equal seconds apart.
        name = f"{1_700_000_000 + next(self._count)}.M{os.getpid()}.guiche"
        written = box / "tmp" / name
        written.write_bytes(raw)
        _give_to_mail(written)
        written.rename(box / "new" / name)

    def forget_numbers(self, user: str = "") -> None:
        """Lose the index, as a restored mailbox does: new UIDVALIDITY, numbers from 1."""
        box = self._maildir(user or self.user)
        # Dovecot takes the second of creation as UIDVALIDITY, so one is set by hand.
        lists = box / "dovecot-uidlist"
        version = int(lists.read_text().split("V", 1)[1].split()[0]) if lists.exists() else 1
        for old in box.glob("dovecot*"):
            old.unlink()
        lists.write_text(f"3 V{version + 1} N1 G{version + 1:032x}\n")
        _give_to_mail(lists)

    def _maildir(self, user: str) -> Path:
        box = self.home / "mail" / user.partition("@")[0]
        for folder in (box, box / "tmp", box / "new", box / "cur"):
            if not folder.exists():
                folder.mkdir()
                _give_to_mail(folder)
        return box


@contextmanager
def running_dovecot(
    tmp: Path | None = None,
    *,
    user: str = "suporte",
    introspection_url: str = "",
    mechanism: str = "oauthbearer",
) -> Iterator[Dovecot]:
    """Start a server in a new folder below `tmp`, and take both away at the end.

    With `introspection_url` it also lets in whoever shows a token that is said to be good there.

    The folder must be open to the mail user and its path short (it holds sockets), so
    pytest's own folders will not do; the default is the system's.
    """
    home = Path(tempfile.mkdtemp(prefix="guiche-dovecot-", dir=tmp))
    home.chmod(0o711)
    (home / "mail").mkdir()
    _give_to_mail(home / "mail")
    port = _free_port()
    password = "correct-horse"
    config = home / "dovecot.conf"
    (home / "oauth2.conf").write_text(_OAUTH2.format(url=introspection_url))
    config.write_text(
        _CONFIG.format(
            home=home,
            port=port,
            password=password,
            mechanisms=f" {mechanism}" if introspection_url else "",
            by_token=_BY_TOKEN.format(home=home) if introspection_url else "",
        )
    )
    server = subprocess.Popen(
        [_program("dovecot"), "-F", "-c", str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_listening(server, port, home / "log")
        yield Dovecot("127.0.0.1", port, user, password, home)
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(home, ignore_errors=True)


def _wait_until_listening(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(200):
        if server.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                if connection.recv(4) == b"* OK":
                    return
        except OSError:
            pass
        time.sleep(0.05)
    said = log.read_text() if log.exists() else "nothing"
    raise RuntimeError(f"dovecot did not start; it said: {said[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _give_to_mail(path: Path) -> None:
    mail = pwd.getpwnam("mail")
    os.chown(path, mail.pw_uid, mail.pw_gid)


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def _program(name: str) -> str:
    found = shutil.which(name, path=_path())
    assert found is not None
    return found
