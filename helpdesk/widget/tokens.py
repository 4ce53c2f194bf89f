"""A site's token vouches in one conversation: a copy of it opens no other."""

import hashlib

from sqlalchemy import delete
from sqlalchemy.orm import Session

from helpdesk.errors import InvalidInput
from helpdesk.inbox.turns import take_turn
from helpdesk.services import Services
from helpdesk.widget.model import ChatToken
from helpdesk.widget.visitors import Visitor


def vouches_in(session: Session, visitor: Visitor, chat_key: str) -> bool:
    """Say whether her token has vouched in no other conversation."""
    known = session.get(ChatToken, _name(visitor))
    return known is None or known.chat_key == chat_key


def bind_token(services: Services, visitor: Visitor, chat_key: str) -> None:
    """Let a token vouch here and nowhere else. Safe to repeat. Raises `InvalidInput`."""
    with services.reading() as session:
        known = session.get(ChatToken, _name(visitor))
    if known is None:
        with services.begin() as tx:
            take_turn(tx, "chat token", _name(visitor))
            known = tx.session.get(ChatToken, _name(visitor))
            if known is None:
                tx.session.execute(delete(ChatToken).where(ChatToken.expires_at < tx.at))
                known = ChatToken(
                    token_id=_name(visitor), chat_key=chat_key, expires_at=visitor.expires_at
                )
                tx.session.add(known)
    if known.chat_key != chat_key:
        raise InvalidInput("identity", "the token has vouched in another conversation")


def _name(visitor: Visitor) -> str:
    return hashlib.sha256(f"{visitor.subject}\0{visitor.token_id}".encode()).hexdigest()
