"""Whether the log is the one that a projection has read: a gap or another topic is told at once.

Progress keeps a *witness*: the offset of the last value that it includes and the MD5 of that value.
A topic that was made anew, or cut and grown again, has another value there, or none.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from projections.store.store import Place, Progress
from schemas.partitioning import PARTITIONS
from streams.batch import Fetch
from streams.offsets import LogReader, log_reader


class RoadError(Exception):
    """Something that no round may pass over: the worker stops with this sentence."""


class Witness(NamedTuple):
    """A value that a projection has read, and where."""

    offset: int
    md5: bytes


def witness_of(fetch: Fetch) -> bytes:
    """The witness that the last value of a fetch gives; empty where it holds none."""
    if not fetch.offsets:
        return b""
    return msgspec.msgpack.encode(Witness(fetch.offsets[-1], _md5(fetch.values[-1])))


def check_fetch(fetch: Fetch, progress: Progress) -> None:
    """Raise `RoadError` where a fetch holds another value than the one included at its place.

    A fetch that was delivered before is sound; one of a topic made anew is not.
    """
    witness = _witness(progress)
    if witness is None or not (fetch.start <= witness.offset < fetch.end):
        return
    if witness.offset in fetch.offsets:
        value = fetch.values[fetch.offsets.index(witness.offset)]
        if _md5(value) == witness.md5:
            return
    raise _other_log(fetch.topic, fetch.partition, witness.offset)


def check_log(bootstrap_servers: str, positions: Mapping[Place, Progress]) -> None:
    """Hold a broker's log against what a projection includes of it.

    Raises `RoadError` where a topic has another number of partitions, ends before what is included,
    starts after what comes next, or holds another value; `KafkaError` where no broker answers.
    """
    with log_reader(bootstrap_servers) as log:
        check_extent(log, positions)
        witnesses = {place: _witness(at) for place, at in positions.items()}
        asked = {place: w.offset for place, w in witnesses.items() if w}
        for place, value in log.values_at(asked).items():
            witness = witnesses[place]
            if witness and _md5(value) != witness.md5:
                raise _other_log(*place, witness.offset)


def check_extent(log: LogReader, positions: Mapping[Place, Progress]) -> None:
    """Hold the partitions and offsets of a log against what a projection includes."""
    for topic in sorted({topic for topic, _ in positions}):
        found = {at.partition: at for at in log.offsets(topic)}
        if len(found) != PARTITIONS:
            raise RoadError(
                f"{topic} has {len(found)} partitions instead of {PARTITIONS}: keys decide the "
                "partition, so this number is for life; growth is a new topic"
            )
        for (its_topic, partition), at in sorted(positions.items()):
            if its_topic != topic:
                continue
            start, end = found[partition].start, found[partition].end
            if at.offset >= end:
                raise RoadError(
                    f"{topic}/{partition} ends before offset {end}, and offset {at.offset} is "
                    "included already: the topic was made anew, or cut"
                )
            if at.offset + 1 < start:
                raise RoadError(
                    f"{topic}/{partition} starts at offset {start}: offsets {at.offset + 1} to "
                    f"{start - 1} are missing"
                )


def _witness(progress: Progress) -> Witness | None:
    return msgspec.msgpack.decode(progress.witness, type=Witness) if progress.witness else None


def _md5(value: bytes | None) -> bytes:
    return hashlib.md5(value or b"", usedforsecurity=False).digest()


def _other_log(topic: str, partition: int, offset: int) -> RoadError:
    return RoadError(
        f"{topic}/{partition} holds another value at offset {offset} than the one that is "
        "included: the topic was made anew, or cut and grown again"
    )
