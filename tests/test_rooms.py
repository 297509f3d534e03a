"""The import directions of ARCHITECTURE.md, read off the syntax trees."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "schemas": {"schemas"},
    "projections": {"projections", "schemas"},
    "streams": {"streams", "projections", "schemas"},
    "api": {"api", "projections", "schemas", "streams.publisher", "streams.publish_error"},
    "infra": {"infra", "api", "streams", "projections", "schemas"},
}
ROOMS = set(MAY_IMPORT) | {"tests"}


def imported_modules(path: Path) -> list[str]:
    modules: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out in full"
            modules.append(node.module or "")
    return [module for module in modules if module.split(".")[0] in ROOMS]


def is_allowed(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in allowed)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_the_architecture_allows(room: str) -> None:
    files = list((ROOT / room).rglob("*.py"))
    assert files, f"the room {room}/ is empty"
    forbidden = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files
        for module in imported_modules(path)
        if not is_allowed(module, MAY_IMPORT[room])
    ]
    assert not forbidden


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_every_file_starts_with_a_line_that_says_what_it_is_for(room: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / room).rglob("*.py")
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent
