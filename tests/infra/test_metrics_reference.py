"""The page of metrics is the one that the code describes."""

from pathlib import Path

from infra.metrics_reference import render

PAGE = Path(__file__).parent.parent.parent / "docs" / "metrics.md"


def test_the_page_of_metrics_is_the_one_that_the_code_describes() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), (
        "run: python -m infra.metrics_reference > docs/metrics.md"
    )
