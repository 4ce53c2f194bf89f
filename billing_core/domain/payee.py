"""To whom a person transfers money: a Pix key or a bank account in Brazil, checked and masked.

A key is a CPF, a CNPJ, an e-mail address, a mobile number with +55, or a random UUID (the
five kinds of the central bank's Pix manual).
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from ..errors import UnreadablePayee
from .documents import is_cnpj, is_cpf

PixKind = Literal["cpf", "cnpj", "email", "phone", "random"]

LONGEST_NAME = 120
LONGEST_EMAIL = 77  # of the Pix manual


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Bank details, complete and valid. Either a Pix key, or bank, branch and account."""

    holder: str
    document: str  # CPF or CNPJ without punctuation
    pix_key: str = ""
    bank: str = ""  # three digits of the clearing system, or eight of the ISPB
    branch: str = ""
    account: str = ""  # with its check digit behind a hyphen

    @property
    def kind(self) -> Literal["pix", "account"]:
        return "pix" if self.pix_key else "account"

    @property
    def full(self) -> dict[str, Any]:
        """Return what somebody types at the bank."""
        facts = {"holder": self.holder, "document": self.document}
        if self.pix_key:
            return facts | {"pix_key": self.pix_key}
        return facts | {"bank": self.bank, "branch": self.branch, "account": self.account}

    @property
    def masked(self) -> dict[str, Any]:
        """Return enough to recognise it, not enough to use it."""
        facts = {"holder": self.holder, "document": _mask(self.document)}
        if self.pix_key:
            return facts | {"pix_key": mask_pix_key(self.pix_key)}
        return facts | {"bank": self.bank, "branch": self.branch, "account": _mask(self.account)}

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the full details: what an approval is bound to."""
        text = json.dumps(self.full, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def read_payee(facts: dict[str, str]) -> Payee:
    """Read bank details as somebody typed them.

    Raises:
        UnreadablePayee: names the field that is missing or wrong.
    """
    holder = " ".join(facts.get("holder", "").split())
    if not 2 <= len(holder) <= LONGEST_NAME:
        raise UnreadablePayee("holder")
    document = re.sub(r"[.\-/ ]", "", facts.get("document", "")).upper()
    if not is_cpf(document) and not is_cnpj(document):
        raise UnreadablePayee("document")
    if facts.get("pix_key", "").strip():
        return Payee(holder=holder, document=document, pix_key=read_pix_key(facts["pix_key"]))
    return Payee(
        holder=holder,
        document=document,
        bank=_matching(facts, "bank", r"[0-9]{3}|[0-9]{8}"),
        branch=_matching(facts, "branch", r"[0-9]{1,5}(-[0-9X])?"),
        account=_matching(facts, "account", r"[0-9]{1,13}-[0-9X]"),
    )


def read_pix_key(text: str) -> str:
    """Return a Pix key in the form the banks keep it. Raises `UnreadablePayee`."""
    key = text.strip()
    plain = re.sub(r"[.\-/ ()]", "", key)
    if "@" in key:
        if len(key) > LONGEST_EMAIL or not re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", key):
            raise UnreadablePayee("pix_key")
        return key.lower()
    if re.fullmatch(r"\+55[1-9][0-9]{9,10}", plain):
        return plain
    if is_cpf(plain) or is_cnpj(plain.upper()):
        return plain.upper()
    try:
        return str(UUID(key))
    except ValueError:
        raise UnreadablePayee("pix_key") from None


def kind_of_key(key: str) -> PixKind:
    """Return what kind of key it is, as `read_pix_key` wrote it."""
    if "@" in key:
        return "email"
    if key.startswith("+"):
        return "phone"
    if is_cpf(key):
        return "cpf"
    return "cnpj" if is_cnpj(key) else "random"


def mask_pix_key(key: str) -> str:
    if kind_of_key(key) == "email":
        name, _, host = key.partition("@")
        return f"{name[:1]}•••@{host}"
    return _mask(key)


def _mask(text: str) -> str:
    """Keep the last four characters, or fewer of a short text."""
    return f"•••{text[-min(4, len(text) // 2) :]}"


def _matching(facts: dict[str, str], field: str, pattern: str) -> str:
    text = re.sub(r"[ .]", "", facts.get(field, "")).upper()
    if not re.fullmatch(pattern, text):
        raise UnreadablePayee(field)
    return text
