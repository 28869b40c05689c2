"""Numbers that a human can read out: one counter of the whole hub for cases, one for work orders."""

from sqlalchemy import func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.schema import Sequence

from hub.base.db import Base

CASES = Sequence("case_numbers", start=10001, metadata=Base.metadata)
ORDERS = Sequence("order_numbers", start=101, metadata=Base.metadata)


class Counter(Base):
    """Stands in for a sequence on SQLite, where one writer at a time needs no more."""

    __tablename__ = "counters"
    __table_args__ = ({"info": {"rls": "open"}},)

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


def take(session: Session, sequence: Sequence, count: int = 1) -> list[int]:
    """The next numbers. A rolled-back transaction leaves a gap; a gap tells a customer nothing."""
    if session.get_bind().dialect.name == "postgresql":
        series = func.generate_series(1, count).table_valued("n")
        return list(session.scalars(select(sequence.next_value()).select_from(series)))
    first = int(sequence.start or 1)
    started = sqlite.insert(Counter).values(name=sequence.name, value=first + count - 1)
    raised = started.on_conflict_do_update(
        index_elements=["name"], set_={"value": Counter.value + count}
    ).returning(Counter.value)
    last = session.execute(raised).scalar_one()
    return list(range(last - count + 1, last + 1))
