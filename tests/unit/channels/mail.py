"""Mails for the tests of the mail channel."""

from pathlib import Path

from channels.email.parse import parse_mail
from channels.email.rules import MailRules
from channels.port import Inbound

SAMPLES = Path(__file__).parents[3] / "channels" / "email" / "samples"

RULES = MailRules(
    authserv_id="mx.sabia.example",
    message_id_domains=frozenset({"guiche.sabia.example"}),
    own_addresses=frozenset({"suporte@sabia.example"}),
    instance="sabia-1",
)


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.eml").read_bytes()


def read(raw: bytes | str, rules: MailRules = RULES) -> Inbound:
    """Parse one mail to its message."""
    data = raw if isinstance(raw, bytes) else raw.encode()
    first = parse_mail(data, rules, "7:41")[0]
    assert isinstance(first, Inbound)
    return first


def mail(body: str = "Olá", **headers: str) -> bytes:
    """Build a plain mail; `reply_to="x"` gives a `Reply-To: x` header, None leaves one out."""
    given = {"from_": "ana@cliente.example", "to": "suporte@sabia.example"} | headers
    lines = [
        f"{name.strip('_').replace('_', '-').title()}: {value}"
        for name, value in given.items()
        if value
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
