"""The API's own store, opened where the settings say."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from api.operational.store import open_store
from infra.errors import CommandError
from infra.settings import Settings, variable


def operational_store(settings: Settings) -> sa.Engine:
    """The API's own store, open, with its tables."""
    if settings.operational_store_url is None:
        (settings.home / "data").mkdir(parents=True, exist_ok=True)
    try:
        return open_store(settings.operational_store)
    except SQLAlchemyError as error:
        raise CommandError(
            f"The operational store does not open. Look at {variable('operational_store_url')}. "
            f"({error})"
        ) from error
