"""Whether two versions of a schema can read each other's bytes: Avro's FULL compatibility.

A field may come or go if it has a default; a symbol may come or go if its enum has a default; all
else stays. That is narrower than Avro allows (a long could be read as a double) and has no corner.
Source: Avro specification 1.12, "Schema Resolution", read in both directions.
"""

from typing import Any

from schemas.avsc import Json, branch_of, kind_of, written_out


def breaks(older: Json, newer: Json) -> list[str]:
    """Why readers of one version could not read bytes of the other, a line a reason; else empty.

    Both are complete schemas of the same event.
    """
    return _record(written_out(older), written_out(newer), "")


def _record(older: Json, newer: Json, path: str) -> list[str]:
    if older["name"] != newer["name"]:
        where = path.rstrip(".") or "the record"
        return [f"{where} was named {older['name']} and is now {newer['name']}"]
    before = {field["name"]: field for field in older["fields"]}
    after = {field["name"]: field for field in newer["fields"]}
    reasons = [
        f"{path}{name} is new and has no default, which readers of older events need"
        for name, field in after.items()
        if name not in before and "default" not in field
    ]
    reasons += [
        f"{path}{name} is gone and had no default, which older readers need"
        for name, field in before.items()
        if name not in after and "default" not in field
    ]
    for name in before.keys() & after.keys():
        reasons += _type(before[name]["type"], after[name]["type"], f"{path}{name}")
    return sorted(reasons)


def _type(older: Any, newer: Any, path: str) -> list[str]:
    (before, was_optional), (after, is_optional) = branch_of(older), branch_of(newer)
    if was_optional != is_optional:
        return [f"{path} {'was' if was_optional else 'is now'} optional and the other is not"]
    kind = kind_of(before)
    if kind != kind_of(after):
        return [f"{path} was {_said(before)} and is now {_said(after)}"]
    match kind:
        case "array":
            return _type(before["items"], after["items"], f"{path}[]")
        case "record":
            return _record(before, after, f"{path}.")
        case "enum":
            return _enum(before, after, path)
        case _:
            return [] if before == after else [f"{path} was {_said(before)}, is {_said(after)}"]


def _enum(before: Json, after: Json, path: str) -> list[str]:
    if before["name"] != after["name"]:
        return [f"{path} was the enum {before['name']} and is now {after['name']}"]
    came = sorted(set(after["symbols"]) - set(before["symbols"]))
    went = sorted(set(before["symbols"]) - set(after["symbols"]))
    reasons: list[str] = []
    if came and "default" not in before:
        reasons.append(f"{path} gained {came[0]}, and older readers have no default for it")
    if went and "default" not in after:
        reasons.append(f"{path} lost {went[0]}, and there is no default to read it as")
    return reasons


def _said(declared: Any) -> str:
    kind = kind_of(declared)
    if isinstance(declared, dict):
        logical, size = declared.get("logicalType"), declared.get("size")  # pyright: ignore
        return f"{kind}{f' ({logical})' if logical else ''}{f' of {size} bytes' if size else ''}"
    return kind
