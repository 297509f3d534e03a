"""What all event classes are: frozen values with an event type, made into messages for Kafka."""

from typing import Any

import msgspec

from schemas.catalogue import EventType, catalogue


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event's own fields, each as its schema says: times in µs, hashes and ids as bytes.

    A class an event is in `schemas.events`; `schemas.message` adds the envelope.
    """

    @classmethod
    def event_type(cls) -> EventType:
        """The event's type in the catalogue, found by the name of the class."""
        return catalogue().by_name[cls.__name__]

    def fields(self) -> dict[str, Any]:
        """The own fields by name, with records inside them as dictionaries."""
        return msgspec.to_builtins(self, builtin_types=(bytes,))
