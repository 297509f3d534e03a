"""Plain HTTP, as curl speaks it: methods, parameters, formats, headers."""

import json

import httpx
import pytest

from tests.infra.clickhouse.server_process import ServerProcess


def test_a_ping_needs_no_account(server: ServerProcess) -> None:
    answer = httpx.get(server.url + "ping")
    assert (answer.status_code, answer.text) == (200, "Ok.\n")


def test_the_bare_address_says_ok(server: ServerProcess) -> None:
    assert httpx.get(server.url).text == "Ok.\n"


def test_an_unknown_path_is_not_found(server: ServerProcess) -> None:
    answer = httpx.get(server.url + "nowhere")
    assert answer.status_code == 404
    assert "There is no handle /nowhere" in answer.text


def test_a_query_may_stand_in_the_url_of_a_get(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "SELECT 1 + 1"}).text == "2\n"


def test_a_query_may_stand_in_the_body_of_a_post(http: httpx.Client) -> None:
    assert http.post("/", content="SELECT 1 + 1").text == "2\n"


def test_a_query_may_be_split_over_url_and_body(http: httpx.Client) -> None:
    assert http.post("/", params={"query": "SELECT"}, content="3").text == "3\n"


def test_a_body_that_calls_itself_a_form_is_still_a_query(http: httpx.Client) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}  # curl's --data says so
    assert http.post("/", content="SELECT 1 + 1", headers=headers).text == "2\n"


def test_a_get_cannot_write(http: httpx.Client, database: str) -> None:
    answer = http.get("/", params={"query": "CREATE TABLE t (a Int8) ENGINE Log"})
    assert answer.status_code == 500
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
    assert "method GET implies readonly" in answer.text


def test_a_head_cannot_write_either(http: httpx.Client, database: str) -> None:
    create = f"CREATE TABLE `{database}`.t (a Int8) ENGINE Log"
    assert http.head("/", params={"query": create}).status_code == 500
    assert http.post("/", content=f"EXISTS TABLE `{database}`.t").text == "0\n"


def test_the_database_is_workledger_unless_the_url_names_another(
    http: httpx.Client, database: str
) -> None:
    assert http.post("/", content="SELECT currentDatabase()").text == "workledger\n"
    asked = http.post("/", params={"database": database}, content="SELECT currentDatabase()")
    assert asked.text == f"{database}\n"
    headers = {"X-ClickHouse-Database": database}
    assert http.post("/", content="SELECT currentDatabase()", headers=headers).text == asked.text


def test_an_unknown_database_is_not_found(http: httpx.Client) -> None:
    answer = http.post("/", params={"database": "nowhere"}, content="SELECT 1")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "81")


@pytest.mark.parametrize("method", ["url", "header", "clause"])
def test_the_format_is_chosen_by_url_header_or_clause(http: httpx.Client, method: str) -> None:
    params, headers, query = {}, {}, "SELECT 1 AS a"
    if method == "url":
        params["default_format"] = "JSONEachRow"
    elif method == "header":
        headers["X-ClickHouse-Format"] = "JSONEachRow"
    else:
        query, params["default_format"] = query + " FORMAT JSONEachRow", "CSV"
    answer = http.post("/", content=query, params=params, headers=headers)
    assert answer.text == '{"a":1}\n'
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["Content-Type"] == "application/x-ndjson; charset=UTF-8"


def test_an_answer_without_rows_is_complete_in_its_format(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1 AS a WHERE 0 FORMAT JSON").json()
    assert (answer["meta"], answer["rows"]) == ([{"name": "a", "type": "UInt8"}], 0)
    assert http.post("/", content="SELECT 1 AS a WHERE 0 FORMAT CSVWithNames").text == '"a"\n'


def test_totals_come_with_the_rows(http: httpx.Client) -> None:
    query = "SELECT number % 2 AS k, count() FROM numbers(4) GROUP BY k WITH TOTALS ORDER BY k"
    assert http.post("/", content=query).text == "0\t2\n1\t2\n\n0\t4\n"


def test_a_format_with_one_head_has_one_head_over_many_blocks(http: httpx.Client) -> None:
    query = "SELECT number AS n FROM numbers(200000) FORMAT TSVWithNames"
    lines = http.post("/", content=query, params={"max_block_size": 1000}).text.splitlines()
    assert lines == ["n", *map(str, range(200_000))]


def test_settings_in_the_url_hold_for_the_query(http: httpx.Client) -> None:
    params = {"max_block_size": "17", "output_format_json_quote_64bit_integers": "1"}
    params["default_format"] = "JSONEachRow"
    answer = http.post(
        "/", content="SELECT toUInt64(5) AS a, getSetting('max_block_size') AS b", params=params
    )
    assert answer.text == '{"a":"5","b":17}\n'
    assert http.post("/", content="SELECT getSetting('max_block_size')").text != "17\n"


def test_a_raised_max_query_size_lets_a_long_query_through(http: httpx.Client) -> None:
    keys = ",".join(f"'{number:032x}'" for number in range(20_000))
    query = f"SELECT count() FROM numbers(10) WHERE toString(number) IN ({keys})"
    refused = http.post("/", content=query)
    assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (400, "62")
    assert http.post("/", content=query, params={"max_query_size": "10000000"}).text == "0\n"


def test_an_unknown_setting_is_not_found(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1", params={"no_such_setting": "1"})
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "115")


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("UInt8", "7", "7"),
        ("String", "it's; -- `x`", "it\\'s; -- `x`"),
        ("String", "a\\tb", "a\\tb"),
        ("Array(String)", "['a','b;']", "['a','b;']"),
        ("Nullable(String)", "\\N", "\\N"),
        ("Date", "2026-01-02", "2026-01-02"),
    ],
)
def test_placeholders_take_their_values_from_the_url(
    http: httpx.Client, kind: str, value: str, shown: str
) -> None:
    answer = http.post("/", content=f"SELECT {{x:{kind}}}", params={"param_x": value})
    assert answer.text == f"{shown}\n"


def test_a_placeholder_may_name_the_table_of_an_insert(http: httpx.Client, database: str) -> None:
    http.post("/", params={"database": database}, content="CREATE TABLE t (a UInt8) ENGINE Log")
    params = {"database": database, "param_t": "t"}
    query = "INSERT INTO {t:Identifier} FORMAT CSV\n5"
    assert http.post("/", params=params, content=query).status_code == 200
    assert http.post("/", params=params, content="SELECT a FROM {t:Identifier}").text == "5\n"


def test_a_placeholder_without_a_value_is_told(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT {x:UInt8}")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "456"


def test_the_headers_say_who_answered_what(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1", params={"query_id": "my-query"})
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-query"
    assert answer.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert answer.headers["X-ClickHouse-Server-Display-Name"]
    other = http.post("/", content="SELECT 1").headers["X-ClickHouse-Query-Id"]
    assert len(other) == 36


def test_the_summary_counts_what_was_read_and_written(http: httpx.Client, database: str) -> None:
    where = {"database": database}
    http.post("/", params=where, content="CREATE TABLE t (a UInt64) ENGINE MergeTree ORDER BY a")
    insert = http.post("/", params=where, content="INSERT INTO t SELECT number FROM numbers(1000)")
    written = json.loads(insert.headers["X-ClickHouse-Summary"])
    data = http.post("/", params=where, content="INSERT INTO t FORMAT CSV\n1\n2\n3\n")
    read = http.post("/", params=where, content="SELECT sum(a) FROM t GROUP BY a % 2")
    assert written["written_rows"] == "1000"
    assert json.loads(data.headers["X-ClickHouse-Summary"])["written_rows"] == "3"
    summary = json.loads(read.headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("1003", "2")
    assert summary["result_bytes"] == str(len(read.content))
    assert int(summary["elapsed_ns"]) > 0


def test_a_statement_without_rows_names_no_format(http: httpx.Client, database: str) -> None:
    answer = http.post("/", content=f"CREATE TABLE `{database}`.t (a UInt8) ENGINE Log")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "X-ClickHouse-Format" not in answer.headers


@pytest.mark.parametrize(
    "query", ["SHOW DATABASES LIKE 'system'", "EXISTS DATABASE system", "DESCRIBE TABLE system.one"]
)
def test_statements_that_tell_about_the_server_answer_with_rows(
    http: httpx.Client, query: str
) -> None:
    answer = http.post("/", content=query)
    assert answer.text
    assert answer.headers["X-ClickHouse-Format"] == "TabSeparated"


def test_comments_of_columns_are_kept(http: httpx.Client, database: str) -> None:
    where = {"database": database}
    http.post("/", params=where, content="CREATE TABLE t (a UInt8 COMMENT 'how many') ENGINE Log")
    assert "how many" in http.post("/", params=where, content="DESCRIBE TABLE t").text


def test_a_fixed_string_reads_as_the_uuid_it_holds(http: httpx.Client, database: str) -> None:
    where = {"database": database}
    http.post("/", params=where, content="CREATE TABLE t (id FixedString(16)) ENGINE Log")
    http.post("/", params=where, content=b"INSERT INTO t FORMAT RowBinary\n" + bytes(range(16)))
    answer = http.post("/", params=where, content="SELECT UUIDNumToString(id) FROM t")
    assert answer.text == "00010203-0405-0607-0809-0a0b0c0d0e0f\n"


def test_native_compression_is_said_to_be_missing(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1", params={"compress": "1"})
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (501, "48")
