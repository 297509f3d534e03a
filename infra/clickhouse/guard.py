"""What a request may do: one that only reads can neither write nor reach files or addresses.

The engine's `readonly` alone lets a reader describe an address, read a file by a scalar function,
stop merges and kill queries, so three fences stand one behind the other: the verbs and function
names of the query here, the engine's own verdict on the statement, and `readonly` itself.
"""

from collections.abc import Iterable, Mapping

from infra.clickhouse.errors import READONLY, UNKNOWN_FUNCTION, ClickHouseError
from infra.clickhouse.lexer import tokens
from infra.clickhouse.statement import Statement

READING_VERBS = frozenset(
    (
        b"SELECT",
        b"WITH",
        b"FROM",
        b"(",
        b"SHOW",
        b"DESC",
        b"DESCRIBE",
        b"EXPLAIN",
        b"EXISTS",
        b"USE",
    )
)
# Table functions that touch nothing but tables and numbers. All others of the engine are refused
# by name before it looks at their arguments: some connect, or make a file, while it does.
_READING_TABLE_FUNCTIONS = frozenset(
    """format generaterandom generateseries generate_series merge mergetreecodecblockcounts
    mergetreeindex mergetreeprojection mergetreetextindex null numbers numbers_mt primes
    sqlstandardvalues values view viewifpermitted zeros zeros_mt""".split()  # noqa: SIM905 - a list
)
# Scalar functions that read a file or call a service, and those that tell of the process itself.
_REACHING_FUNCTIONS = frozenset(
    """file hascolumnintable reversednsquery catboostevaluate showcertificate logtrace
    aiclassify aiembed aiextract aifilter aigenerate airedact aisimilarity aitranslate
    addresstoline addresstolinewithinlines addresstosymbol getmacro""".split()  # noqa: SIM905
)
# chDB's own: they hand out objects of this process, and no server has them.
_ENGINE_ONLY_FUNCTIONS = frozenset(("python", "arrowstream"))
# What a reader may set for its own query: how rows are written and how much a query may take.
_READING_SETTINGS = frozenset(
    """date_time_output_format extremes final join_algorithm join_use_nulls limit log_comment
    max_ast_depth max_ast_elements max_block_size max_bytes_to_read max_columns_to_read
    max_execution_time max_expanded_ast_elements max_memory_usage max_parser_backtracks
    max_parser_depth max_query_size max_result_bytes max_result_rows max_rows_to_read max_threads
    offset read_overflow_mode result_overflow_mode session_timezone timeout_overflow_mode
    do_not_merge_across_partitions_select_final optimize_read_in_order
    select_sequential_consistency""".split()  # noqa: SIM905
)
# Of these families a reader may set what holds no text: a text may be a path or an address.
_READING_SETTING_FAMILIES = ("output_format_", "input_format_", "format_csv_", "format_tsv_")


def _refusal(user: str, why: str) -> ClickHouseError:
    return ClickHouseError(
        READONLY, f"{user}: Cannot execute query in readonly mode{why}. (READONLY)", "READONLY"
    )


def _unchangeable(setting: str) -> ClickHouseError:
    return ClickHouseError(
        READONLY, f"Cannot modify '{setting}' setting in readonly mode. (READONLY)", "READONLY"
    )


def check_engine_functions(statement: Statement) -> None:
    """Refuse what only chDB has, for everybody: code 46, as a server answers."""
    for name in statement.mentions.called & _ENGINE_ONLY_FUNCTIONS:
        raise ClickHouseError(
            UNKNOWN_FUNCTION,
            f"Unknown table function {name}. (UNKNOWN_FUNCTION)",
            "UNKNOWN_FUNCTION",
        )


def check_reading(
    statement: Statement,
    placeholders: Mapping[str, str],
    user: str,
    table_functions: frozenset[str],
) -> None:
    """Refuse, with code 164, a statement that writes, or names a function that reaches out.

    `table_functions` are all that the engine has, in small letters. A scalar function that
    reaches out is refused wherever its name stands, since a name alone can call it.
    """
    if statement.verb not in READING_VERBS:
        raise _refusal(user, "")
    for name in statement.mentions.settings:
        # The engine refuses these at the top of a query, but takes them in a subquery.
        raise _unchangeable(name)
    names, called = set(statement.mentions.names), set(statement.mentions.called)
    if "identifier" in names:
        for value in placeholders.values():
            spelled = {token.name.lower() for token in tokens(value.encode()) if token.name}
            names |= spelled
            called |= spelled
    reaching = (called & (table_functions - _READING_TABLE_FUNCTIONS)) | (
        names & _REACHING_FUNCTIONS
    )
    for name in sorted(reaching):
        raise _refusal(user, f": {name} can reach beyond the tables")


def check_verdict(query_class: str, statement_count: int, user: str, by_get: bool) -> None:
    """Refuse what the engine itself does not call one reading statement (or cannot parse)."""
    if query_class == "UNKNOWN" or (query_class == "READ_ONLY" and statement_count == 1):
        return
    hint = ""
    if by_get:
        hint = (
            ". For queries over HTTP, method GET implies readonly. "
            "You should use method POST for modifying queries"
        )
    raise _refusal(user, hint)


def check_reading_settings(names: Iterable[str], text_settings: frozenset[str]) -> None:
    """Refuse, with code 164, a setting that a reader may not change.

    `text_settings` are those of the engine that hold a text.
    """
    for name in names:
        of_a_family = name.startswith(_READING_SETTING_FAMILIES) and name not in text_settings
        if name not in _READING_SETTINGS and not of_a_family:
            raise _unchangeable(name)
