"""Why the helpdesk said no.

HelpdeskError
  InvalidInput     what a person typed cannot be used; `field` names it        422
  NotFound         it does not exist, or this person may not know that it does  404
  Forbidden        known, but not for this person                               403
  Conflict         true when it was read, no longer true now                    409
    NotWelcome     the customer must not be written to on this channel          422
  SignedOut        there is no live session                                     401
  WrongPassword    the address and the password are not somebody's              401
  SignInLocked     too many wrong passwords for one address; carries `until`    429
  Busy             too much at once; ask again in `retry_after_s` seconds       503

web/errors.py gives each class its status and its sentence in the reader's language.
"""

from datetime import datetime


class HelpdeskError(Exception):
    """Base of every refusal. The text is an English sentence for logs."""


class InvalidInput(HelpdeskError):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


class NotFound(HelpdeskError):
    def __init__(self, what: str = "not found") -> None:
        super().__init__(what)


class Forbidden(HelpdeskError):
    def __init__(self, permission: str) -> None:
        super().__init__(f"needs {permission}")
        self.permission = permission


class Conflict(HelpdeskError):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotWelcome(Conflict):
    """Sending it again changes nothing; another channel may."""


class SignedOut(HelpdeskError):
    def __init__(self) -> None:
        super().__init__("no live session")


class WrongPassword(HelpdeskError):
    """Says neither whether the address exists nor whether the account is disabled."""

    def __init__(self) -> None:
        super().__init__("address and password do not match")


class SignInLocked(HelpdeskError):
    def __init__(self, until: datetime, seconds: int) -> None:
        super().__init__(f"sign-in is locked until {until.isoformat()}")
        self.until, self.seconds = until, seconds


class Busy(HelpdeskError):
    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"busy, ask again in {retry_after_s} s")
        self.retry_after_s = retry_after_s
