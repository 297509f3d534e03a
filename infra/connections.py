"""From settings to connections: the one place where addresses and users are put together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client

from infra.errors import CommandError
from infra.registry import use_registry
from infra.settings import Settings
from projections.registry import PROJECTIONS
from projections.store.clickhouse import create_tables
from projections.store.client import Address, connect
from streams.worker_options import WorkerOptions


def writer_address(settings: Settings) -> Address:
    """ClickHouse for workers."""
    return _address(settings, settings.clickhouse_writer, settings.clickhouse_writer_password)


def reader_address(settings: Settings) -> Address:
    """ClickHouse for people: this user can neither write nor reach files or addresses."""
    return _address(settings, settings.clickhouse_reader, settings.clickhouse_reader_password)


def _address(settings: Settings, user: str, password: str) -> Address:
    return Address(settings.clickhouse_http_url, user, password, settings.clickhouse_database)


def client(address: Address) -> Client:
    """A client; raises `CommandError` with the way out where nobody answers."""
    try:
        return connect(address)
    except Exception as error:
        raise CommandError(
            f"ClickHouse does not answer at {address.url}. Try: workledger up ({error})"
        ) from error


@contextmanager
def inspecting(settings: Settings) -> Iterator[Client]:
    """A client for a command that decodes events and looks behind the views, as `verify` does.

    Ids of schemas are known first. Raises `CommandError` where nobody answers.
    """
    use_registry(settings)
    # As the writer: what was applied lies in tables that people do not read.
    connection = client(writer_address(settings))
    try:
        yield connection
    finally:
        connection.close()


def ensure_tables(settings: Settings) -> None:
    """Create the tables and views of every projection where they are missing."""
    writer = client(writer_address(settings))
    create_tables(writer, PROJECTIONS.values())
    writer.close()


def worker_options(settings: Settings) -> WorkerOptions:
    """How a worker connects and batches."""
    return WorkerOptions(
        bootstrap_servers=settings.bootstrap_servers,
        clickhouse=writer_address(settings),
        batch_time_ms=settings.batch_time_ms,
        batch_events_max=settings.batch_events_max,
        dead_letter_share_max_bp=settings.dead_letter_share_max_bp,
        data_dir=str(settings.home / "faust"),
    )
