"""A lexer for ClickHouse's SQL: enough to see statements, clauses and names as the engine does."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from infra.clickhouse.errors import SYNTAX_ERROR, ClickHouseError

LOOSE_DOLLARS_MAX = 100

# The rules are those of the engine's own lexer: what it takes for a blank, a comment, a text or a
# quoted name must be the same here, or a read-only user could hide a name from the guard.
# Lists of literals come as one token, so a query of many keys costs little.
_TOKEN = re.compile(
    rb"""
    (?P<space>(?:[ \t\n\r\f\v]++
       |\xc2[\x85\xa0]|\xe1\x9a\x80|\xe1\xa0\x8e|\xe2\x80[\x80-\x8d\xa8\xa9\xaf]|\xe2\x81[\x9f\xa0]
       |\xe3\x80\x80|\xef\xbb\xbf
       |--[^\n]*+|\#[!\x20][^\n]*+|/\*.*?(?:\*/|\Z))++)
   |(?P<literal>'(?:[^'\\]++|\\.|'')*+(?:'|\Z)(?:\s*+,\s*+'(?:[^'\\]++|\\.|'')*+')*+)
   |(?P<curly>\xe2\x80\x98.*?(?:\xe2\x80\x99|\Z))
   |(?P<quoted>`(?:[^`\\]++|\\.|``)*+(?:`|\Z)|"(?:[^"\\]++|\\.|"")*+(?:"|\Z)
       |\xe2\x80\x9c.*?(?:\xe2\x80\x9d|\Z))
   |(?P<word>[A-Za-z_$][A-Za-z0-9_$]*+)
   |(?P<number>[0-9][0-9A-Za-z_]*+(?:\s*+,\s*+[0-9]++(?![0-9A-Za-z_.]))*+)
   |(?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_ESCAPES |= {b"v": b"\v", b"0": b"\0", b"e": b"\x1b"}


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

    def is_sign(self, sign: bytes) -> bool:
        """Whether this is that one sign."""
        return self.kind == "sign" and self.text == sign

    @property
    def name(self) -> str | None:
        """The identifier that this spells, quoted or not; None for all else."""
        if self.kind == "word":
            return self.text.decode()
        if self.kind != "quoted":
            return None
        quote = 3 if self.text[0] == 0xE2 else 1
        inner = self.text[quote:-quote]
        if quote == 1:
            inner = inner.replace(self.text[:1] * 2, self.text[:1])
            inner = _ESCAPE.sub(_unescape, inner)
        return inner.decode("utf-8", "replace")


def _unescape(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    if escape[:1] == b"x" and len(escape) == 3:
        return bytes((int(escape[1:], 16),))
    return _ESCAPES.get(escape, escape)


def _heredoc_end(query: bytes, start: int) -> int:
    """Where `$tag$text$tag$` that starts here ends; -1 if this dollar sign starts none."""
    tag_end = query.find(b"$", start + 1)
    if tag_end < 0:
        return -1
    tag = query[start : tag_end + 1]
    closing = query.find(tag, tag_end + 1)
    return closing + len(tag) if closing >= 0 else -1


def tokens(query: bytes) -> Iterator[Token]:
    """Yield the tokens of a query, without blanks and comments, lazily: data may follow.

    Raises code 62 for more loose dollar signs than a query can have: each is looked for to the end.
    """
    depth, position, loose_dollars = 0, 0, 0
    while (found := _TOKEN.match(query, position)) is not None:
        kind, text, position = found.lastgroup or "sign", found[0], found.end()
        if kind == "space":
            continue
        if text[:1] == b"$":
            end = _heredoc_end(query, found.start())
            if end >= 0:
                kind, text, position = "heredoc", query[found.start() : end], end
            elif (loose_dollars := loose_dollars + 1) > LOOSE_DOLLARS_MAX:
                raise ClickHouseError(
                    SYNTAX_ERROR, "Syntax error: too many dollar signs", "SYNTAX_ERROR"
                )
        if kind == "sign" and text in b")]}":
            depth -= 1
        yield Token(kind, text, found.start(), position, depth)
        if kind == "sign" and text in b"([{":
            depth += 1
