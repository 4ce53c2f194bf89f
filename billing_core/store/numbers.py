"""Numbers without gaps."""

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .invoice import NumberSeries


def take_numbers(session: Session, series: str, count: int) -> range:
    """Take the next numbers. Call it late: others wait for the series until we commit."""
    on_postgres = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert if on_postgres else sqlite.insert
    statement = insert(NumberSeries).values(series=series, last=count)
    last = session.scalars(
        statement.on_conflict_do_update(
            index_elements=["series"], set_={"last": NumberSeries.last + count}
        ).returning(NumberSeries.last)
    ).one()
    return range(last - count + 1, last + 1)
