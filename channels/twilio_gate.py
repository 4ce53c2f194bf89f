"""What SMS, WhatsApp and voice share: the provider's forms and signatures.

Pure; `twilio_texts` reads messages, `twilio_line` goes over the network. The provider's library is imported inside the
functions that need it: it is slow to load, and an installation without a phone number
should not pay for it.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

import phonenumbers

from channels.port import BadSignature, Delivery, Party, Unreadable

SIGNATURE_HEADER = "x-twilio-signature"
BODY_HASH = "bodySHA256"  # in the address of a delivery that is no form: its signature covers this
LARGEST_FORM = 256 * 1024  # bytes; the provider's own forms stay under 20 KiB
WHATSAPP = "whatsapp:"

# What a caller shows who hides the number, where it could pass for a real one.
HIDDEN_NUMBERS = frozenset({"+8656696", "+86282452253"})

_BRAZIL_WITHOUT_NINE = re.compile(r"\+55([1-9]{2})([6-9]\d{7})")


@dataclass(frozen=True, slots=True)
class Account:
    """One account at the provider. `token` signs its calls to us and opens its REST door."""

    sid: str
    token: str = field(repr=False)
    api_url: str = ""  # where a stand-in listens; "" is the provider's own address


class Form(Mapping[str, str]):
    """A posted form. Reads as a mapping of first values; `getlist` has them all."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def getlist(self, name: str) -> list[str]:
        return self._values.get(name, [])


def read_form(body: bytes) -> Form:
    """Read a form body. Blank values stay: they are part of what was signed."""
    if len(body) > LARGEST_FORM:
        raise Unreadable(f"the form has {len(body)} bytes, more than {LARGEST_FORM}")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=300,
        )
    except ValueError as error:  # covers bytes that are no text
        raise Unreadable(f"not a form: {error}") from error
    return Form(pairs)


def read_stored_form(body: bytes) -> Form:
    """Read a form whose signature was checked before it was stored, ready for a database."""
    form = read_form(body)
    return Form(
        [(name, one.replace("\0", "\ufffd")) for name in form for one in form.getlist(name)]
    )


def read_signed_form(delivery: Delivery, token: str) -> Form:
    """Return the form of a delivery that the provider signed.

    The signature covers the address as the provider called it, so `delivery.url` must be
    the public one, also behind a proxy. Of a body that is no form, such as JSON, it covers a
    hash that stands in the address; whoever asked for such deliveries finds them held, so
    they raise `Unreadable`. Raises `BadSignature` for everything else: before the signature
    is proven, unreadable bytes are a stranger's and not worth keeping.
    """
    if not token:
        raise BadSignature("no account token is set, so nothing can be proven")
    signature = delivery.headers.get(SIGNATURE_HEADER, "")
    if not signature:
        raise BadSignature("the X-Twilio-Signature header is missing")
    hashed = from_query(delivery.url, BODY_HASH)
    try:
        form = Form([]) if hashed else read_form(delivery.body)
    except Unreadable as error:
        raise BadSignature(str(error)) from error
    if not signature_fits(delivery.url, form, signature, token):
        raise BadSignature(
            f"the signature does not fit {delivery.url.partition('?')[0]}: "
            "the public address or the account token set here is not the provider's"
        )
    if not hashed:
        return form
    digest = hashlib.sha256(delivery.body).hexdigest()
    if not hmac.compare_digest(digest.encode(), hashed.lower().encode()):
        raise BadSignature("the body is not the one that was signed")
    return read_form(delivery.body)


def signature_fits(url: str, form: Form, signature: str, token: str) -> bool:
    """Say whether the provider signed this form for this address."""
    from twilio.request_validator import RequestValidator, add_port, remove_port

    validator = RequestValidator(token)
    try:
        parts = urlsplit(url)
        # It signs with or without the standard port, not always as configured.
        spellings = {url, add_port(parts), remove_port(parts)}
    except ValueError:  # a port that is no number
        return False
    given = signature.encode("utf-8", "surrogateescape")
    fits = False
    for spelling in sorted(spellings):
        right: str = validator.compute_signature(spelling, form)
        fits |= hmac.compare_digest(right.encode("ascii"), given)
    return fits


def require_sid(form: Form, name: str) -> str:
    sid = form.get(name, "")
    if not re.fullmatch(r"[A-Z]{2}[0-9A-Za-z]{2,62}", sid):
        raise Unreadable(f"{name} is missing or no identifier: {sid[:80]!r}")
    return sid


def as_word(value: str) -> str:
    """Return a status word fit to be part of a key."""
    return re.sub(r"[^a-z0-9-]", "", value.lower())[:40]


def read_number(text: str) -> str | None:
    """Return the E.164 form of an international number, None where it is not one.

    A Brazilian mobile number without its ninth digit gets it: WhatsApp still names
    accounts from before 2016 by the short form, and both are one telephone.
    """
    text = text.strip()
    if text in HIDDEN_NUMBERS:
        return None
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if short := _BRAZIL_WITHOUT_NINE.fullmatch(e164):
            number = phonenumbers.parse(f"+55{short[1]}9{short[2]}", None)
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def read_party(address: str, *, name: str = "") -> Party:
    """Name the other end of an address such as `+5511…` or `whatsapp:+5511…`.

    The network proves it. Short codes and sender names are no telephones and become
    `external`, so that they never meet a customer's number.
    """
    plain = address.strip()
    whatsapp = plain.lower().startswith(WHATSAPP)
    if whatsapp:
        plain = plain[len(WHATSAPP) :]
    if number := read_number(plain):
        return Party("whatsapp" if whatsapp else "phone", number, name, verified=True)
    if not plain:
        raise Unreadable("the delivery names no sender")
    return Party("external", plain.lower(), name, verified=True)


def with_query(url: str, **extra: str) -> str:
    """Add fields to an address that we hand to the provider; its signature will cover them."""
    parts = urlsplit(url)
    given = [(name, value) for name, value in extra.items() if value]
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *given])
    return urlunsplit(parts._replace(query=query))


def from_query(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query).get(name, [""])[0]
