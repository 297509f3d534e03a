"""A lexer for ClickHouse's SQL: enough to see statements, clauses and names as the engine does."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# Long lists of literals come as one token, so a query of many keys costs little.
_TOKEN = re.compile(
    rb"""
    (?P<space>(?:\s++|--[^\n]*+|\#[!\x20][^\n]*+|/\*.*?(?:\*/|\Z))++)
   |(?P<literals>'(?:[^'\\]++|\\.|'')*+(?:'|\Z)(?:\s*+,\s*+'(?:[^'\\]++|\\.|'')*+')*+)
   |(?P<quoted>`(?:[^`\\]++|\\.|``)*+(?:`|\Z)|"(?:[^"\\]++|\\.|"")*+(?:"|\Z))
   |(?P<heredoc>\$(?P<tag>[A-Za-z0-9_]*)\$.*?\$(?P=tag)\$)
   |(?P<word>[A-Za-z_][A-Za-z0-9_$]*+)
   |(?P<number>[0-9][0-9A-Za-z_.]*+(?:\s*+,\s*+[0-9]++(?![0-9A-Za-z_.]))*+)
   |(?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A piece of a query: its kind, its bytes, where it starts and ends, how deep in brackets."""

    kind: str
    text: bytes
    start: int
    end: int
    depth: int

    @property
    def keyword(self) -> bytes:
        """The word in capitals, or nothing if this is not a bare word."""
        return self.text.upper() if self.kind == "word" else b""


def tokens(query: bytes) -> Iterator[Token]:
    """Yield the tokens of a query, without blanks and comments, lazily: data may follow."""
    depth = 0
    for found in _TOKEN.finditer(query):
        kind = found.lastgroup or "sign"
        if kind == "space":
            continue
        text = found[0]
        if kind == "sign" and text in b")]}":
            depth -= 1
        yield Token(kind, text, found.start(), found.end(), depth)
        if kind == "sign" and text in b"([{":
            depth += 1
