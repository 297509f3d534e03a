"""The page on the journal says what the code posts, and what `verify` permits."""

from pathlib import Path

from infra.verify.payout import PERMITTED
from projections.payout.journal import MOVES, ON_DISPUTED

PAGE = Path(__file__).parent.parent.parent / "docs" / "journal.md"


def test_the_table_of_the_page_is_the_table_of_the_code() -> None:
    rows = [
        tuple(cell.strip(" `") for cell in line.strip("|").split("|"))
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert rows == [
        *((kind, *move) for kind, move in MOVES.items()),
        *((f"{kind}` on a disputed line", *move) for kind, move in ON_DISPUTED.items()),
    ]


def test_verify_permits_just_what_is_posted() -> None:
    assert {kind: accounts[:2] for kind, accounts in PERMITTED.items()} == {
        move.kind: (move.debit, move.credit) for move in (*MOVES.values(), *ON_DISPUTED.values())
    }
