"""Writes the reference of all settings: `python -m infra.settings_reference > docs/settings.md`."""

from __future__ import annotations

import sys

from infra.settings import CHECKOUT, Settings, variable


def render() -> str:
    """The reference as Markdown: a row a setting, from the settings' own descriptions."""
    lines = [
        "# Settings",
        "",
        "Each is an environment variable; none has to be set. A variable that starts with",
        "`WORKLEDGER_` and is not in this list is refused, so a misspelt one is noticed.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        default = default.removeprefix(f"{CHECKOUT}/")
        lines.append(
            f"| `{variable(name)}` | {f'`{default}`' if default else ''} | {field.description} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
