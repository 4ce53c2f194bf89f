"""Why the billing desk said no. Each is a `Conflict`: true when it was read, no longer now.

Conflict
  StalePreview       the account changed since the preview; make it again
  PreviewExpired     the preview is too old to be confirmed
  KeyUsed            the same one-time key with another preview
  AlreadyConfirmed   this preview became an act before; carries it
  AlreadyDecided     the request no longer waits; carries its state
  RequestChanged     what would be approved is not what was shown
Forbidden
  OwnRequest         nobody approves what they asked for
"""

from uuid import UUID

from helpdesk.errors import Conflict, Forbidden


class StalePreview(Conflict):
    def __init__(self) -> None:
        super().__init__("the account changed since the preview was made")


class PreviewExpired(Conflict):
    def __init__(self) -> None:
        super().__init__("the preview has expired")


class KeyUsed(Conflict):
    def __init__(self) -> None:
        super().__init__("this one-time key belongs to another preview")


class AlreadyConfirmed(Conflict):
    def __init__(self, act_id: UUID) -> None:
        super().__init__(f"this preview became act {act_id}")
        self.act_id = act_id


class AlreadyDecided(Conflict):
    def __init__(self, state: str) -> None:
        super().__init__(f"the request is {state}")
        self.state = state


class RequestChanged(Conflict):
    def __init__(self) -> None:
        super().__init__("the request is not the one that was shown")


class OwnRequest(Forbidden):
    def __init__(self) -> None:
        super().__init__("billing.approve")
