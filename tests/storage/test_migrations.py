"""A store of an older version keeps what it knew on its way to the newest schema."""

from __future__ import annotations

from alembic import command
from alembic.config import Config

from pipeline.adapters.storage.engine import Store, connected
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.schema_version import MIGRATIONS, VERSION_TABLE
from tests.storage.builders import an_attempt

_ROWS_OF_0002 = (
    (
        "INSERT INTO endpoints (id, account, profile, topic, status, created_at_ms, updated_at_ms,"
        " document) VALUES ('e-known', 'acme', 'p', 't', 'active', 1, 1, '{}')"
    ),
    (
        "INSERT INTO deliveries (id, account, endpoint, created_at_ms, state, attempts)"
        " VALUES ('dlv_1', 'shop', 'e-tried', 1, 0, 0)"
    ),
    (
        "INSERT INTO statistics (endpoint, hour_ms, http_status, requests, accepted)"
        " VALUES ('e-known', 3600000, 200, 7, 7), ('e-tried', 3600000, 503, 5, 0),"
        " ('e-unknown', 3600000, 200, 3, 3)"
    ),
)


def of_version(url: str, version: str) -> Store:
    """A store that was left behind by an older program."""
    store = connected(url)
    with store.writing() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = VERSION_TABLE
        command.upgrade(config, version)
    return store


def test_what_was_counted_before_latencies_is_kept_and_goes_on(url: str):
    old = of_version(url, "0002")
    with old.writing() as connection:
        for row in _ROWS_OF_0002:
            connection.exec_driver_sql(row)
    old.close()
    store = open_store(url)
    attempt = an_attempt(
        delivery_id="dlv_2",
        endpoint="e-known",
        account="acme",
        cause="trigger_again",
        started_at_ms=3_600_001,
        status=200,
    )
    RecorderStore(store).write([attempt], [], {})
    with store.reading() as connection:
        counted = connection.exec_driver_sql(
            "SELECT endpoint, account, http_status, SUM(requests), SUM(accepted), SUM(triggered)"
            " FROM statistics GROUP BY endpoint, account, http_status ORDER BY endpoint"
        )
        assert [(*row[:3], *map(int, row[3:])) for row in counted] == [
            ("e-known", "acme", 200, 8, 8, 1),
            ("e-tried", "shop", 503, 5, 0, 0),
            ("e-unknown", "", 200, 3, 3, 0),
        ]
        found = connection.exec_driver_sql("SELECT id FROM deliveries ORDER BY id").scalars()
        assert list(found) == ["dlv_1", "dlv_2"]
    store.close()
