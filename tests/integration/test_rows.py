"""New rows, their ids, and rows that are put whether they are there or not."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from sqlalchemy import select

from helpdesk.db import DRAWN_AT_ONCE, RANDOM_OF_ID, put_row
from helpdesk.inbox.model import MailboxCursor
from helpdesk.services import Services

AT = datetime(2026, 3, 29, 23, 59, 59, 123456, tzinfo=UTC)
OF_INBOX = {"mailbox": "email:suporte@sabia.example", "folder": "INBOX"}
OF_SPAM = {**OF_INBOX, "folder": "Spam"}


def how_far(last_uid: int) -> dict[str, object]:
    return {"uidvalidity": 7, "last_uid": last_uid, "last_ok_at": AT}


def test_a_new_row_holds_the_values_it_was_given_and_no_others() -> None:
    row = MailboxCursor(**OF_INBOX, last_uid=3)
    assert (row.mailbox, row.folder, row.last_uid) == (*OF_INBOX.values(), 3)
    assert row.uidvalidity is None
    with pytest.raises(TypeError, match="MailboxCursor has no column lastuid"):
        MailboxCursor(**OF_INBOX, lastuid=3)


def test_a_new_row_that_the_session_inserts_is_followed(
    make_services: Callable[..., Services], database_url: str
) -> None:
    services = make_services(database_url)
    with services.begin() as tx:
        row = MailboxCursor(**OF_INBOX, **how_far(3))
        tx.session.add(row)
        tx.session.flush()
        row.last_uid = 4
    with services.reading() as session:
        assert session.scalars(select(MailboxCursor.last_uid)).all() == [4]


def test_every_id_is_its_own_and_sorts_after_those_before_it(
    make_services: Callable[..., Services], database_url: str
) -> None:
    drawn = DRAWN_AT_ONCE // RANDOM_OF_ID
    services = make_services(database_url)
    ids = []
    for _ in range(3):
        with services.begin() as tx:
            these = [tx.new_id() for _ in range(2 * drawn + 1)]
        assert these == sorted(these)
        ids += these
    assert len(set(ids)) == 3 * (2 * drawn + 1)
    assert {one.version for one in ids} == {7}
    # 62 bits of each are drawn: neighbours agree in half of them and not in many more.
    alike = [62 - ((one.int ^ two.int) & (1 << 62) - 1).bit_count() for one, two in pairwise(ids)]
    assert max(alike) < 60


def test_a_row_is_put_whether_it_is_there_or_not(
    make_services: Callable[..., Services], database_url: str
) -> None:
    services = make_services(database_url)
    for key, last_uid in ((OF_INBOX, 3), (OF_SPAM, 5), (OF_INBOX, 9)):
        with services.begin() as tx:
            put_row(tx, MailboxCursor, key, how_far(last_uid))
    with services.reading() as session:
        found = session.execute(select(MailboxCursor.folder, MailboxCursor.last_uid))
        assert sorted(map(tuple, found)) == [("INBOX", 9), ("Spam", 5)]
