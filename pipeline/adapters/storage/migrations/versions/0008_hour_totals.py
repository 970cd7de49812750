"""What all endpoints together were asked by the hour, counted as it comes.

Safe while stages run. What was counted before, and what programs of an older version count from
now on, is added to the totals afterwards, a little at a time (`adapters/storage/hour_totals.py`):
each row of `statistics` says how much of it is in them, and a trigger notes the hours of those that
are behind. It does nothing for programs that add to both.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_IS_BEHIND = "NEW.requests <> NEW.totalled_requests"


def upgrade() -> None:
    for name in ("requests", "accepted", "triggered"):
        column = Column(f"totalled_{name}", BigInteger, nullable=False, server_default="0")
        op.add_column("statistics", column)
    op.create_table(
        "hour_totals",
        Column("hour_ms", BigInteger, primary_key=True, autoincrement=False),
        Column("http_status", Integer, primary_key=True, autoincrement=False),
        Column("latency", Integer, primary_key=True, autoincrement=False),
        Column("part", Integer, primary_key=True, autoincrement=False),
        Column("requests", BigInteger, nullable=False),
        Column("accepted", BigInteger, nullable=False),
        Column("triggered", BigInteger, nullable=False),
    )
    op.create_table(
        "untotalled_hours",
        Column("hour_ms", BigInteger, primary_key=True, autoincrement=False),
        Column("writer", BigInteger, primary_key=True, autoincrement=False),
    )
    is_no_success = text("(http_status < 200 OR http_status > 299)")
    op.create_index(
        "ix_statistics_no_success",
        "statistics",
        ["hour_ms"],
        sqlite_where=is_no_success,
        postgresql_where=is_no_success,
    )
    if op.get_bind().dialect.name == "postgresql":
        _note_on_postgresql()
    else:
        _note_on_sqlite()
    op.execute(
        "INSERT INTO untotalled_hours (hour_ms, writer)"
        " SELECT hour_ms, 0 FROM statistics GROUP BY hour_ms"
    )


def _note_on_postgresql() -> None:
    """By the transaction, so that nobody waits for another's note, and none is missed."""
    op.execute(
        "CREATE FUNCTION note_untotalled_hour() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO untotalled_hours (hour_ms, writer) VALUES (NEW.hour_ms, txid_current())"
        " ON CONFLICT DO NOTHING; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER statistics_untotalled AFTER INSERT OR UPDATE ON statistics FOR EACH ROW"
        f" WHEN ({_IS_BEHIND}) EXECUTE FUNCTION note_untotalled_hour()"
    )


def _note_on_sqlite() -> None:
    for word in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER statistics_untotalled_{word.lower()} AFTER {word} ON statistics"  # noqa: S608 - constants
            f" WHEN {_IS_BEHIND} BEGIN INSERT OR IGNORE INTO untotalled_hours (hour_ms, writer)"
            " VALUES (NEW.hour_ms, 0); END"
        )
