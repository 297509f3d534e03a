"""The lock of the detectors: a hash of each one's logic and thresholds beside its version.

Logic that changes under an old version would make two alerts of one version mean two things.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from infra.errors import CommandError
from projections.fraud import detectors
from projections.fraud.detectors import DETECTORS, Detector

ROOT = Path(detectors.__file__).parent.parent.parent
LOCK = Path(detectors.__file__).parent / "detectors.lock.json"
RENEW = "workledger detectors lock"
OWN = ("projections.fraud.", "projections.intervals")
"""What a detector's logic is made of, besides its own module; not the state and its bounds."""
NOT_LOGIC = ("projections.fraud.state",)
Locked = dict[str, dict[str, str | int]]


def logic_sha256(detector: Detector) -> str:
    """The hash of what a detector does: its module and those that it imports, without comments.

    Neither docstrings nor the layout count, and it is the same on every version of Python.
    """
    pending, seen = [detector.module.__name__], dict[str, list[str]]()
    while pending:
        name = pending.pop()
        if name not in seen:
            source = (ROOT / (name.replace(".", "/") + ".py")).read_text(encoding="utf-8")
            tree = ast.parse(source)
            seen[name] = list(_told(tree))
            pending += _imported(tree)
    whole = json.dumps({name: seen[name] for name in sorted(seen)})
    return hashlib.sha256(whole.encode()).hexdigest()


def locked_now(those: Iterable[Detector] = DETECTORS) -> Locked:
    """What the lock would say of the detectors as they are."""
    return {one.name: {"version": one.version, "logic_sha256": logic_sha256(one)} for one in those}


def differences(lock: Locked, now: Locked) -> list[str]:
    """What is wrong with the detectors as they are, by the lock; in sentences with the way out."""
    found: list[str] = []
    for name, one in now.items():
        before = lock.get(name)
        if before is None or before["version"] != one["version"]:
            found.append(f"{name} has version {one['version']}, which the lock lacks: run {RENEW}")
        elif before != one:
            found.append(
                f"the logic or a threshold of {name} has changed under version {one['version']}: "
                f"raise its VERSION and the version of the fold, then run {RENEW}"
            )
    gone = lock.keys() - now.keys()
    return found + [f"{name} is in the lock and nowhere else: run {RENEW}" for name in sorted(gone)]


def read_lock() -> Locked:
    """The lock as it lies beside the detectors."""
    return json.loads(LOCK.read_text(encoding="utf-8"))


def renew() -> list[str]:
    """Write the lock anew; answers with what changed. Raises `CommandError` for a kept version."""
    now, lock = locked_now(), read_lock() if LOCK.exists() else {}
    found = differences(lock, now)
    if kept := [sentence for sentence in found if "has changed under version" in sentence]:
        raise CommandError("\n".join(kept))
    LOCK.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
    return found


def _told(node: ast.AST) -> Iterator[str]:
    """The kinds and values of a tree, in order, without docstrings."""
    yield type(node).__name__
    for field, value in ast.iter_fields(node):
        if isinstance(value, list):
            for one in value:
                if isinstance(one, ast.AST) and not _is_text(one):
                    yield from _told(one)
                elif isinstance(one, str):
                    yield one
        elif isinstance(value, ast.AST):
            yield from _told(value)
        elif value is not None and field not in ("ctx", "kind", "type_comment"):
            yield f"{field}={value!r}"


def _is_text(node: ast.AST) -> bool:
    """Whether a statement is a text that stands alone, as docstrings do."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _imported(tree: ast.AST) -> list[str]:
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [name for name in names if name.startswith(OWN) and name not in NOT_LOGIC]
