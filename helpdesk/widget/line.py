"""Giving each public chat message its number in the visitor's conversation."""

from helpdesk.db import UnitOfWork, insert_of
from helpdesk.widget.model import Conversation, Entry


def number_message(tx: UnitOfWork, chat_key: str, message_id: object) -> int:
    """Enter a message as the conversation's next one and return its number, from 1.

    The conversation's row stays locked until the commit, so numbers become visible in
    their order and without a hole, also where two tickets of one visitor change at once.
    """
    insert = insert_of(tx.session)
    fresh = insert(Conversation).values(
        chat_key=chat_key,
        last_seq=1,
        widget_key="",
        subject="",
        email="",
        email_by="",
        language="",
        left_closed=False,
        created_at=tx.at,
    )
    seq: int | None = tx.session.scalar(
        fresh.on_conflict_do_update(
            index_elements=[Conversation.chat_key],
            set_={"last_seq": Conversation.last_seq + 1},
        ).returning(Conversation.last_seq)
    )
    assert seq is not None
    tx.session.add(Entry(chat_key=chat_key, seq=seq, message_id=message_id))
    tx.session.flush()
    return seq
