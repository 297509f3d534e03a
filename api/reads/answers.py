"""Answers that are made once: what is asked at the same state of the rows is answered alike."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

import msgspec

BYTES_MAX = 32 * 1024 * 1024
"""So many bytes of JSON are kept."""


class Told(NamedTuple):
    """What answers a question."""

    body: dict[str, Any]
    about: tuple[str, ...] = ()
    """The experts whose data it is, each once."""


class Answer(NamedTuple):
    """The same, as it is kept."""

    json: bytes
    about: tuple[str, ...]


class Answers:
    """The answers given last, by ETag; to be asked by many threads."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max, self._bytes = bytes_max, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Future[Answer]] = OrderedDict()

    def get(self, etag: str, make: Callable[[], Told]) -> Answer:
        """The answer, made for who asks first; others wait for it. Raises what `make` raises."""
        with self._lock:
            found = self._kept.get(etag)
            if found:
                self._kept.move_to_end(etag)
            mine = self._kept.setdefault(etag, Future())
        if not found:
            self._make(etag, mine, make)
        return mine.result()

    def _make(self, etag: str, mine: Future[Answer], make: Callable[[], Told]) -> None:
        try:
            told = make()
            answer = Answer(msgspec.json.encode(told.body), told.about)
        except BaseException as error:
            with self._lock:
                self._kept.pop(etag)
            mine.set_exception(error)
            return
        mine.set_result(answer)
        with self._lock:
            self._bytes += len(answer.json)
            for oldest, kept in list(self._kept.items()):
                if self._bytes <= self._bytes_max:
                    break
                if kept.done():
                    self._bytes -= len(self._kept.pop(oldest).result().json)
