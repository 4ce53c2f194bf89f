"""What the sign-in page shows. Plain values."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class LoginScreen:
    company: str
    language: str  # BCP 47
    email: str = ""
    next_url: str = ""
    error: Literal["", "wrong", "locked", "signed_out", "expired"] = ""
    minutes: int = 0  # locked: how long
    sso_url: str = ""  # "" where the company has none
    passkeys: bool = False
    two_step: bool = False
    reset_url: str = ""
