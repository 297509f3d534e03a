"""Ids of schemas: the shipped ones, or those of the real registry that the settings name."""

from infra.errors import CommandError
from infra.settings import Settings


def use_registry(settings: Settings) -> None:
    """Take ids from the registry that `schema_registry_url` names; without it do nothing.

    To be called before anything is encoded or decoded. Raises `CommandError` where the registry
    lacks what was shipped, so that nothing is written that others could not read.
    """
    if settings.schema_registry_url is None:
        return
    from schemas.catalogue import catalogue, use_catalogue
    from schemas.registry_client import RegistryMismatchError, with_ids_of

    user, password = settings.schema_registry_user, settings.schema_registry_password
    auth = (user, password) if user else None
    try:
        use_catalogue(with_ids_of(settings.schema_registry_url, catalogue(), auth))
    except RegistryMismatchError as error:
        raise CommandError(str(error)) from error
