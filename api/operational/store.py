"""Opens the operational store, and brings its tables to what this version works with."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 7_302_118
"""The number of PostgreSQL's lock that one process at a time holds while it migrates."""
HEAD = "head"


def open_store(url: str) -> sa.Engine:
    """An engine on the store at a SQLAlchemy URL, migrated to the latest revision."""
    engine = sa.create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _as_many_threads_need)
    migrate(engine, HEAD)
    return engine


def migrate(engine: sa.Engine, revision: str) -> None:
    """Bring the tables to a revision, wholly or not at all; a second process waits for the first.

    Tables that were made before there were revisions are taken as those of the first.
    """
    # Alembic takes most of a second to import, which commands without the store need not wait for.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def answers(engine: sa.Engine) -> bool:
    """Whether the store answers now."""
    try:
        with engine.connect() as connection:
            connection.execute(sa.select(1))
    except SQLAlchemyError:
        return False
    return True


def _as_many_threads_need(connection: Any, _: object) -> None:
    """Readers beside a writer, and a writer that waits for another instead of failing."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()
