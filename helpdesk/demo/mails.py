"""Mails as the sample company's customers write them."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from zoneinfo import ZoneInfo

from babel.dates import format_datetime as in_words

from helpdesk.demo.people import Person
from helpdesk.settings import Settings


@dataclass(frozen=True, slots=True)
class Answered:
    """The company's mail that a customer answers."""

    reply_to: str
    message_id: str  # without angle brackets
    references: tuple[str, ...]  # oldest first, without angle brackets
    subject: str
    text: str
    at: datetime


def write_mail(
    settings: Settings,
    person: Person,
    *,
    text: str,
    at: datetime,
    message_id: str,
    subject: str = "",
    answers: Answered | None = None,
    cc: str = "",
) -> bytes:
    """Return one mail as the company's own mail server would hand it on.

    An answer quotes what it answers and goes to the address that the mail asked for.
    """
    mail = EmailMessage(policy=SMTP)
    domain = person.email.partition("@")[2]
    mail["Authentication-Results"] = (
        f"{settings.mail_authserv_id}; dkim=pass header.d={domain}; dmarc=pass header.from={domain}"
    )
    mail["From"] = formataddr((person.name, person.email))
    mail["To"] = answers.reply_to if answers else settings.mail_address
    if cc:
        mail["Cc"] = cc
    mail["Subject"] = f"Re: {answers.subject.removeprefix('Re: ')}" if answers else subject
    mail["Date"] = format_datetime(at.astimezone(ZoneInfo(person.time_zone)))
    mail["Message-ID"] = f"<{message_id}>"
    if answers:
        chain = (*answers.references, answers.message_id)
        mail["In-Reply-To"] = f"<{answers.message_id}>"
        mail["References"] = " ".join(f"<{one}>" for one in chain)
        text = f"{text}\n\n{_quote(settings, person, answers)}"
    mail.set_content(text)
    return mail.as_bytes()


def _quote(settings: Settings, person: Person, answers: Answered) -> str:
    """Return what mail programs put under an answer."""
    at = answers.at.astimezone(ZoneInfo(person.time_zone))
    sender = f"{settings.company} <{settings.mail_address}>"
    if person.language == "en":
        line = f"On {in_words(at, 'EEE, MMM d, y, HH:mm', locale='en')} {sender} wrote:"
    else:
        day = in_words(at, "EEE, d 'de' MMM 'de' y 'às' HH:mm", locale="pt_BR")
        line = f"Em {day}, {sender} escreveu:"
    return "\n".join([line, "", *(f"> {row}".rstrip() for row in answers.text.splitlines())])
