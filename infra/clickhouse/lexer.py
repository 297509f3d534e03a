"""A lexer for ClickHouse's SQL: enough to see statements, clauses and names as the engine does."""

import re
from collections.abc import Iterator
from typing import NamedTuple

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
   |(?P<heredoc>(?P<tag>\$[^$]*+\$).*?(?P=tag))
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
