"""Brings a store's schema up to date, by Alembic."""

from __future__ import annotations

import logging
from typing import Final

# Alembic tells its own steps, the first ones while it is imported; a warning of it is still heard.
logging.getLogger("alembic").setLevel(logging.WARNING)

# ruff: noqa: E402 - after the line above
from alembic import command
from alembic.config import Config

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.schema_version import MIGRATIONS, VERSION_TABLE, is_newest

_LOCK: Final = 0x77686B70
"""Any number, the same for all who migrate this store."""


def migrate(store: Store) -> None:
    """One transaction, so that a half-migrated schema does not exist; one process at a time.

    Raises StoreUnusable or StoreUnavailable.
    """
    with store.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"
            )
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        if is_newest(connection, store.place):
            return  # somebody else was faster
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = VERSION_TABLE
        command.upgrade(config, "head")
