"""Whole batches to columns: values grouped by schema id, each group decoded at once.

A group is written as an Avro object container in memory and read by polars. Each value is
preceded by a nonce of this process and its header, which must come back as written, and a known
record closes the group; so a value that is too short, too long or not what it says is noticed
whatever it holds. On a mismatch the group is halved until the culprit stands alone. Every column
is decoded, so the verdict on a value depends neither on its neighbours nor on what a fold reads.
"""

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, NamedTuple, cast

import polars as pl

from schemas.avsc import branch_of, kind_of
from schemas.catalogue import Catalogue, EventType, Version, catalogue
from schemas.containers import (
    MARK,
    NONCE,
    SYNC,
    Container,
    container,
    is_coded,
    zigzag,
)
from schemas.resolution import resolved
from schemas.walk import unsound
from schemas.wire import HEADER_BYTES

_usually_filled: dict[Version, tuple[str, ...]] = {}
"""The optional fields that all events of a version had filled of late, none where they differed: a
guess that is held against each batch, and no verdict depends on it."""
TRUE, FALSE = b"\1", b"\0"


class Failure(NamedTuple):
    """One value of a batch that cannot be taken, and why."""

    position: int
    """Its place in the batch, from 0."""
    reason: str


@dataclass(frozen=True)
class Group:
    """The sound events of one type in a batch."""

    event_type: EventType
    positions: list[int]
    """The place of each row in the batch, ascending."""
    frame: pl.DataFrame
    """A column a field, a row an event; times are integers of microseconds, enums strings."""
    worked_out: dict[object, Any] = field(
        default_factory=dict[object, Any], repr=False, compare=False
    )
    """What readers worked out of it and will ask for again, by reader."""


class _UnsoundError(Exception):
    """Some value of the group is not what it says; the message is the decoder's own."""


def decode_columns(
    values: Sequence[bytes | None], known: Catalogue | None = None
) -> tuple[list[Group], list[Failure]]:
    """A batch's events as columns of today's schemas, and the values that are no events.

    Every position of `values` is in exactly one group or one failure. Events of two versions of a
    type come as two groups.
    """
    failures: list[Failure] = []
    by_header: defaultdict[bytes, list[int]] = defaultdict(list)
    for position, start in enumerate([v[:HEADER_BYTES] if v else b"" for v in values]):
        by_header[start].append(position)
    groups: list[Group] = []
    for start, positions in by_header.items():
        found, reason = _type_of(start, known or catalogue())
        if found is None:
            failures += [Failure(position, reason) for position in positions]
            continue
        event_type, version = found
        sound, unsound, frame = _sound_rows(version, cast("Sequence[bytes]", values), positions)
        failures += unsound
        if sound:
            groups.append(Group(event_type, sound, resolved(frame, version, event_type)))
    return groups, sorted(failures)


def _type_of(start: bytes, known: Catalogue) -> tuple[tuple[EventType, Version] | None, str]:
    if not start:
        return None, "the value is empty"
    if len(start) < HEADER_BYTES or start[0] != 0:
        return None, (
            f"not in the Confluent wire format: it starts with 0x{start.hex()}, "
            "and must start with byte 0 and a four-byte schema id"
        )
    schema_id = int.from_bytes(start[1:], "big")
    found = known.by_id.get(schema_id)
    return found, "" if found else f"schema id {schema_id} is unknown"


def _sound_rows(
    version: Version, values: Sequence[bytes], positions: list[int]
) -> tuple[list[int], list[Failure], pl.DataFrame]:
    """The positions of the values that decode and their rows, and a failure for each other one."""
    sound: list[int] = []
    failures: list[Failure] = []
    frames: list[pl.DataFrame] = []
    pending = [positions]
    while pending:  # at most twice as many turns as there are positions: each turn halves or ends
        part = pending.pop()
        try:
            frames.append(_decode_group(version, [values[position] for position in part]))
            sound += part
        except _UnsoundError as error:
            if len(part) == 1:
                reason = unsound(version, values[part[0]]) or str(error)
                failures.append(Failure(part[0], f"not a {version.name}: {reason}"))
            else:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
    if len(frames) == 1:
        return sound, failures, frames[0]
    in_order = [frame.select(frames[0].columns) for frame in frames]
    rows = pl.concat(in_order) if in_order else pl.DataFrame()
    return sound, failures, rows


def _decode_group(version: Version, values: list[bytes]) -> pl.DataFrame:
    """The rows of some values, or `_UnsoundError` where any of them is not what it says."""
    any_filled = container(version, None)
    if any_filled.has_inner_optional:
        # Branches inside lists and records cannot be read apart: each event is walked.
        for value in values:
            if reason := unsound(version, value):
                raise _UnsoundError(reason)
    if not any_filled.optional:
        return _with_symbols(_read(any_filled, values), any_filled)
    filled = _usually_filled.get(version)
    if filled:
        # Nearly always a batch's events have the same fields filled as the batch before.
        how = container(version, filled)
        try:
            rows = _read(how, values)
        except _UnsoundError:
            rows = None
        if rows is not None and _follow(rows, how):
            for name in how.branches:
                rows.drop_in_place(name)
            return _with_symbols(rows, how)
    rows = _read(any_filled, values)
    _check_branches(version, values, rows)
    return _with_symbols(rows, any_filled)


def _check_branches(version: Version, values: list[bytes], rows: pl.DataFrame) -> None:
    """Read the events that have the same fields filled together, and hold each branch against it.

    Raises `_UnsoundError` where a branch is none that its union has.
    """
    nulls = {name: rows.get_column(name).null_count() for name in container(version, None).optional}
    always = tuple(name for name, count in nulls.items() if count == 0)
    mixed = [name for name, count in nulls.items() if 0 < count < rows.height]
    _usually_filled[version] = () if mixed else always
    alike: defaultdict[tuple[bool, ...], list[bytes]] = defaultdict(list)
    if mixed:
        told = [rows.get_column(name).to_list() for name in mixed]
        patterns = zip(*([one is not None for one in column] for column in told), strict=True)
        for pattern, value in zip(patterns, values, strict=True):
            alike[pattern].append(value)
    else:
        alike[()] = values
    for pattern, group in alike.items():
        filled = (*always, *compress(mixed, pattern))
        # What is null has the branch 0: any other would have been read as a value.
        if filled:
            how = container(version, filled)
            if not _follow(_read(how, group), how):
                raise _UnsoundError("an optional field has a branch that its union lacks")


def _read(how: Container, values: list[bytes]) -> pl.DataFrame:
    body = b"".join((NONCE, NONCE.join(values), NONCE, how.closing))
    count = len(values) + 1
    parts = (how.head, zigzag(count), zigzag(len(body)), body, SYNC)
    try:
        frame = pl.read_avro(io.BytesIO(b"".join(parts)))
    except BaseException as error:
        # polars raises PanicException, a BaseException, on some bad bytes.
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise _UnsoundError(_first_line(error)) from None
    marks = frame.drop_in_place(MARK)  # that of the closing record stands last
    if frame.height != count or not marks.min() == how.mark == marks.max():
        raise _UnsoundError("it does not end where its fields end")
    return frame.slice(0, len(values))


def _follow(rows: pl.DataFrame, how: Container) -> bool:
    """Whether the fields that are to be filled have the branch 1, and the others are null."""
    for name in how.branches:
        branch = rows.get_column(name)
        if not branch.min() == 1 == branch.max():
            return False
    return all(rows.get_column(name).null_count() == rows.height for name in how.unfilled)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _with_symbols(rows: pl.DataFrame, how: Container) -> pl.DataFrame:
    """The rows with the numbers of enums as their symbols, and bytes of booleans as true or false.

    Raises `_UnsoundError` where a number has no symbol, or a byte is neither 0 nor 1.
    """
    for name, symbols in how.enums.items():
        numbers = rows.get_column(name)
        if numbers.null_count() == rows.height:
            told = numbers.cast(pl.String)
        elif not 0 <= cast(int, numbers.min()) <= cast(int, numbers.max()) < len(symbols):
            raise _UnsoundError(f"{name} is none of the symbols that its enum has")
        else:
            told = symbols[numbers].alias(name)
        rows.replace_column(rows.get_column_index(name), told)
    for name in how.booleans:
        told = rows.get_column(name)
        if any(byte not in (FALSE, TRUE, None) for byte in (told.min(), told.max())):
            raise _UnsoundError(f"{name} is neither true nor false")
        rows.replace_column(rows.get_column_index(name), told == pl.Series([TRUE]))
    return _with_inner_symbols(rows, how.inner_coded) if how.inner_coded else rows


def _with_inner_symbols(rows: pl.DataFrame, enums: dict[str, Any]) -> pl.DataFrame:
    """The same for enums and booleans inside lists and records."""
    named = rows.with_columns(
        _symbols(pl.col(name), declared).alias(name) for name, declared in enums.items()
    )
    # A number that has no symbol has become null: where nulls were added, one was out of range.
    before, after = (
        frame.select(_nulls(pl.col(name), declared).alias(name) for name, declared in enums.items())
        for frame in (rows, named)
    )
    for name in enums:
        if before[name][0] != after[name][0]:
            raise _UnsoundError(f"{name} holds what is no symbol of its enum, or no boolean")
    return named


def _symbols(value: pl.Expr, declared: Any) -> pl.Expr:
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "enum":
            symbols: list[str] = declared["symbols"]
            numbers = list(range(len(symbols)))
            return value.replace_strict(numbers, symbols, default=None, return_dtype=pl.String)
        case "boolean":
            is_false = pl.when(value == FALSE).then(pl.lit(False))
            return pl.when(value == TRUE).then(pl.lit(True)).otherwise(is_false)
        case "array":
            return value.list.eval(_symbols(pl.element(), declared["items"]))
        case "record":
            fields = [
                _symbols(value.struct.field(f["name"]), f["type"]).alias(f["name"])
                for f in declared["fields"]
            ]
            return pl.when(value.is_not_null()).then(pl.struct(fields))
        case _:
            return value


def _nulls(value: pl.Expr, declared: Any) -> pl.Expr:
    """How many nulls stand where enums and booleans may stand."""
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "array":
            return _nulls(value.list.explode(), declared["items"])
        case "record":
            inner = [
                _nulls(value.struct.field(f["name"]), f["type"])
                for f in declared["fields"]
                if is_coded(f["type"])
            ]
            return pl.sum_horizontal(inner)
        case _:
            return value.null_count().cast(pl.Int64)
