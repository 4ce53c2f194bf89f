"""The codes of faults as sentences in the reader's language."""

from flask_babel import gettext as _

from helpdesk.mailboxes.account import Line, MailAccount


def said(code: str, account: MailAccount, line: Line | None, *, to: str = "") -> str:
    """Return what a fault means for somebody who can mend it."""
    host, port = (line.host, line.port) if line else ("", 0)
    signed_in = _signs_in(account, line)
    known = {
        "name_not_found": _("There is no server named %(host)s.", host=host),
        "refused": _("%(host)s is there, but nothing listens on port %(port)s.", host=host, port=port),
        "timeout": _("%(host)s does not answer on port %(port)s. A firewall may be in the way.", host=host, port=port),
        "hung_up": _("The server ended the connection. Does the encryption fit port %(port)s?", port=port),
        "certificate": _("The certificate of %(host)s cannot be trusted.", host=host),
        "tls": _("The encryption could not begin. Does it fit port %(port)s?", port=port),
        "no_login": _("The server offers no sign-in that we know on port %(port)s. Many do so only on an encrypted line.", port=port),
        "login": _("The server refuses the user name, the password or the token."),
        "token": _("The sign-in service gives no token."),
        "letters": _("The user name or the password holds a letter that mail servers do not take, such as one with an accent."),
        "folder": _("Signed in, but there is no folder %(folder)s.", folder=account.folder),
        "sender": _("Signed in, but the server does not send for %(address)s.", address=account.address)
        if signed_in else _("The server does not send for %(address)s.", address=account.address),
        "recipient": _("Signed in, but the server refuses the recipient %(to)s.", to=to)
        if signed_in else _("The server refuses the recipient %(to)s.", to=to),
        "content": _("The server refuses the content of the mail."),
        "signing": _("The mail could not be signed (DKIM)."),
        "secret": _("The saved secret cannot be read with today's secret key. Write it again."),
        "uncertain": _("The mail was handed over, but the connection ended before the server answered. Nobody knows whether it arrives."),
        "unwritable": _("No mail from %(address)s to %(to)s can be written.", address=account.address, to=to),
        "no_server": _("No server is set."),
        "no_signature": _("No signature is saved."),
        "defect": _("A mail could not be taken in. It is tried again, then set aside."),
    }  # fmt: skip
    return str(known.get(code) or _("%(host)s cannot be reached.", host=host))


def went_well(account: MailAccount, count: int | None, *, to: str) -> str:
    """Return what a test that went well has shown."""
    if count is None and not _signs_in(account, account.smtp):
        return str(_("The server takes mail from %(address)s to %(to)s; none was sent.", address=account.address, to=to))  # fmt: skip
    if count is None:
        return str(_("Signed in. The server takes mail from %(address)s to %(to)s; none was sent.", address=account.address, to=to))  # fmt: skip
    return str(_("Signed in. Folder %(folder)s holds %(count)s mails; none was touched.", folder=account.folder, count=count))  # fmt: skip


def _signs_in(account: MailAccount, line: Line | None) -> bool:
    """Say whether a server is asked to let us in; one on this machine may take mail as it is."""
    return account.oauth is not None or (line is not None and bool(line.user))
