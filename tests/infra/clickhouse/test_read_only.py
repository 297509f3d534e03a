"""The read-only user can neither write nor reach files or addresses, however it asks."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

SECRET = "a secret of this machine"


@pytest.fixture
def table(http: httpx.Client, database: str) -> str:
    """A table of three rows."""
    where = {"database": database}
    http.post("/", params=where, content="CREATE TABLE t (a UInt8) ENGINE MergeTree ORDER BY a")
    http.post("/", params=where, content="INSERT INTO t VALUES (1), (2), (3)")
    return f"`{database}`.t"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that the server's account could read."""
    path = tmp_path / "secret.csv"
    path.write_text(SECRET)
    return path


@pytest.fixture
def address() -> Iterator[tuple[int, list[bytes]]]:
    """A port that notes whoever connects."""
    connections: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        done = threading.Event()

        def note() -> None:
            while not done.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                connections.append(b"connected")
                connection.close()

        thread = threading.Thread(target=note)
        thread.start()
        yield listener.getsockname()[1], connections
        done.set()
        thread.join()


def refused(answer: httpx.Response) -> bool:
    return answer.headers.get("X-ClickHouse-Exception-Code") == "164" and "READONLY" in answer.text


WRITES = """
INSERT INTO {t} VALUES (9)
INSERT INTO {t} SELECT 9
INSERT INTO {t} FORMAT CSV 9
WITH x AS (SELECT 9) INSERT INTO {t} SELECT * FROM x
INSERT INTO FUNCTION null('a UInt8') SELECT 9
INSERT INTO FUNCTION file('{out}', 'CSV', 'a UInt8') SELECT 9
INSERT INTO TABLE FUNCTION url('http://127.0.0.1:1/', 'CSV', 'a UInt8') VALUES (9)
CREATE TABLE x (a UInt8) ENGINE Log
CREATE TEMPORARY TABLE x (a UInt8)
CREATE DATABASE x
CREATE VIEW x AS SELECT 1
CREATE FUNCTION x AS (a) -> a
ALTER TABLE {t} DELETE WHERE 1
ALTER TABLE {t} ADD COLUMN b UInt8
DELETE FROM {t} WHERE 1
UPDATE {t} SET a = 1 WHERE 1
DROP TABLE {t}
DETACH TABLE {t}
TRUNCATE TABLE {t}
RENAME TABLE {t} TO x
EXCHANGE TABLES {t} AND {t}
OPTIMIZE TABLE {t} FINAL
SYSTEM STOP MERGES
SYSTEM FLUSH LOGS
SYSTEM SHUTDOWN
KILL QUERY WHERE 1
KILL MUTATION WHERE 1
BACKUP TABLE {t} TO File('{out}')
SET readonly = 0
SET max_threads = 1
SET ROLE ALL
EXECUTE AS default SELECT 1
CREATE USER x
GRANT ALL ON *.* TO default
ATTACH TABLE x
UNDROP TABLE x
BEGIN TRANSACTION
CHECK TABLE {t}
""".strip().splitlines()


@pytest.mark.parametrize("statement", WRITES)
def test_a_statement_that_changes_something_is_refused(
    http: httpx.Client, asks: httpx.Client, table: str, tmp_path: Path, statement: str
) -> None:
    out = tmp_path / "out"
    answer = asks.post("/", content=statement.format(t=table, out=out))
    assert refused(answer), answer.text
    assert http.post("/", content=f"SELECT count() FROM {table}").text == "3\n"
    assert not out.exists()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1; INSERT INTO {t} VALUES (9)",
        "SELECT 1;\nDROP TABLE {t}",
        "SELECT '\\''; DROP TABLE {t}; SELECT ''",
        "SELECT 1 SETTINGS max_threads = 1; DROP TABLE {t}",
        "SELECT 1 PARALLEL WITH DROP TABLE {t}",
    ],
)
def test_a_second_statement_does_not_run(
    http: httpx.Client, asks: httpx.Client, table: str, query: str
) -> None:
    assert asks.post("/", content=query.format(t=table)).status_code != 200
    assert http.post("/", content=f"SELECT count() FROM {table}").text == "3\n"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS readonly = 2",
        "SELECT 1 SETTINGS max_threads = 1",
        "SELECT * FROM (SELECT 1 SETTINGS readonly = 0)",
        "SELECT 1 FORMAT JSON SETTINGS readonly = 0",
        "SELECT * FROM (SELECT 1 SETTINGS final)",
        "SELECT * FROM (SELECT 1 SETTINGS final, readonly = 0)",
        "SELECT * FROM (SELECT 1 SETTINGS `final` == 1)",
        "SELECT * FROM (SELECT 1 AS show SETTINGS final = 1)",
    ],
)
def test_a_query_cannot_change_its_settings(asks: httpx.Client, query: str) -> None:
    assert refused(asks.post("/", content=query))


@pytest.mark.parametrize(
    "setting",
    [
        "readonly",
        "additional_result_filter",
        "additional_table_filters",
        "allow_ddl",
        "allow_experimental_eval_table_function",
        "format_schema",
        "format_template_row",
        "format_avro_schema_registry_url",
        "input_format_record_errors_file_path",
        "output_format_schema",
    ],
)
def test_the_url_cannot_loosen_the_fence(asks: httpx.Client, setting: str) -> None:
    answer = asks.post("/", content="SELECT 1", params={setting: "0"})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


@pytest.mark.parametrize(
    "params",
    [
        {"param_x = '', additional_result_filter": "1"},
        {"param_x = ''; SELECT 1; SET param_y": "1"},
        {"max_threads = 1; SELECT 1; SET max_threads": "1"},
        {"default_format": "CSV; SELECT file('/etc/hosts')"},
        {"default_format": "CSV SETTINGS readonly = 0"},
        {"database": "system`; SELECT 1; USE `system"},
    ],
)
def test_no_parameter_carries_a_statement(asks: httpx.Client, params: dict[str, str]) -> None:
    answer = asks.post("/", content="SELECT 5", params=params)
    assert answer.status_code in (400, 404)
    assert "localhost" not in answer.text


def test_no_header_carries_a_statement(asks: httpx.Client) -> None:
    headers = {"X-ClickHouse-Format": "CSV; SELECT file('/etc/hosts')"}
    answer = asks.post("/", content="SELECT 5", headers=headers)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "73")


def test_the_url_may_say_how_rows_are_written_and_what_a_query_may_take(
    asks: httpx.Client,
) -> None:
    params = {
        "max_query_size": "1000000",
        "max_threads": "1",
        "session_timezone": "Asia/Tokyo",
        "date_time_output_format": "iso",
    }
    answer = asks.post("/", content="SELECT toDateTime(0)", params=params)
    assert answer.text == "1970-01-01T00:00:00Z\n"


FILES = """
SELECT * FROM file('{secret}', 'LineAsString', 'l String')
SELECT * FROM `file`('{secret}', 'LineAsString', 'l String')
SELECT * FROM "fil\\x65"('{secret}', 'LineAsString', 'l String')
SELECT * FROM file/**/('{secret}')
SELECT * FROM file\u00a0('{secret}')
SELECT file('{secret}')
SELECT length(file('{secret}'))
SELECT arrayMap(file, ['{secret}'])
SELECT arrayMap(`file`, ['{secret}'])
SELECT arrayMap(x -> file(x), ['{secret}'])
SELECT * APPLY(file) FROM (SELECT '{secret}')
SELECT * APPLY file FROM (SELECT '{secret}')
SELECT * REPLACE(file(x) AS x) FROM (SELECT '{secret}' AS x)
SELECT x FROM (SELECT 1 AS x SETTINGS additional_result_filter = 'x = length(file(''{secret}''))')
DESCRIBE TABLE file('{secret}')
DESCRIBE file('{secret}')
EXPLAIN SELECT * FROM file('{secret}')
EXPLAIN ESTIMATE SELECT * FROM file('{secret}')
SELECT * FROM view(SELECT * FROM file('{secret}'))
SELECT (SELECT any(c1) FROM file('{secret}'))
WITH f AS (SELECT * FROM file('{secret}')) SELECT * FROM f
SELECT 1 WHERE 'x' IN (SELECT c1 FROM file('{secret}'))
SELECT * FROM viewExplain('EXPLAIN', '', (SELECT * FROM file('{secret}')))
SELECT * FROM eval('SELECT file(''{secret}'')')
SELECT * FROM fileCluster('x', '{secret}')
SELECT * FROM sqlite('{secret}', 't')
SELECT * FROM icebergLocal('{secret}')
SELECT * FROM deltaLakeLocal('{secret}')
SELECT * FROM paimonLocal('{secret}')
SELECT * FROM filesystem('{secret}')
SELECT * FROM executable('cat {secret}', 'LineAsString', 'l String', (SELECT 1))
SELECT * FROM input('a String')
SELECT * FROM python(secret)
SELECT * FROM Python(secret)
SELECT * FROM arrowstream('x')
SELECT * FROM '{secret}'
SELECT * FROM `{secret}`
SELECT 1 INTO OUTFILE '{secret}.out'
SELECT 1 INTO OUTFILE '{secret}.out' FORMAT CSV
SELECT 1 into/**/outfile '{secret}.out'
SELECT * FROM (SELECT 1) INTO OUTFILE '{secret}.out' AND STDOUT
INSERT INTO FUNCTION file('{secret}.out', 'CSV', 'a Int8') SELECT 1
""".strip().splitlines()


@pytest.mark.parametrize("query", FILES)
def test_no_file_is_read_or_written(asks: httpx.Client, secret: Path, query: str) -> None:
    answer = asks.post("/", content=query.format(secret=secret))
    assert answer.status_code != 200
    assert SECRET not in answer.text
    assert [path.name for path in secret.parent.iterdir()] == [secret.name]


@pytest.mark.parametrize(
    "query",
    ["SELECT arrayMap({f:Identifier}, [{p:String}])", "SELECT * FROM {f:Identifier}({p:String})"],
)
def test_a_placeholder_cannot_name_what_reads_a_file(
    asks: httpx.Client, secret: Path, query: str
) -> None:
    for name in ("file", "`file`", "system.file"):
        params = {"param_f": name, "param_p": str(secret)}
        answer = asks.post("/", content=query, params=params)
        assert answer.status_code != 200
        assert SECRET not in answer.text


ADDRESSES = """
SELECT * FROM url('http://127.0.0.1:{port}/', 'CSV', 'a Int8')
SELECT * FROM url('http://127.0.0.1:{port}/')
DESCRIBE TABLE url('http://127.0.0.1:{port}/x.csv')
DESCRIBE TABLE (SELECT * FROM url('http://127.0.0.1:{port}/x.csv'))
EXPLAIN SELECT * FROM url('http://127.0.0.1:{port}/x.csv')
SELECT * FROM urlCluster('x', 'http://127.0.0.1:{port}/')
SELECT * FROM s3('http://127.0.0.1:{port}/bucket/x.csv')
SELECT * FROM gcs('http://127.0.0.1:{port}/bucket/x.csv')
SELECT * FROM hudi('http://127.0.0.1:{port}/bucket/x')
SELECT * FROM iceberg('http://127.0.0.1:{port}/bucket/x')
SELECT * FROM deltaLake('http://127.0.0.1:{port}/bucket/x')
SELECT * FROM hdfs('hdfs://127.0.0.1:{port}/x', 'CSV', 'a Int8')
SELECT * FROM azureBlobStorage('http://127.0.0.1:{port}/a', 'b', 'c')
SELECT * FROM remote('127.0.0.1:{port}', 'system.one')
SELECT * FROM remoteSecure('127.0.0.1:{port}', 'system.one')
SELECT * FROM mysql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')
SELECT * FROM postgresql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')
SELECT * FROM mongodb('127.0.0.1:{port}', 'a', 'b', 'c', 'd', 'a Int8')
SELECT * FROM redis('127.0.0.1:{port}', 'k', 'k String, v String')
SELECT * FROM ytsaurus('http://127.0.0.1:{port}', 'a', 'b', 'c')
SELECT * FROM bigquery('a', 'b', 'c', 'http://127.0.0.1:{port}')
SELECT aiGenerate('x', map('url', 'http://127.0.0.1:{port}'))
""".strip().splitlines()


@pytest.mark.parametrize("query", ADDRESSES)
def test_no_address_is_reached(
    asks: httpx.Client, address: tuple[int, list[bytes]], query: str
) -> None:
    port, connections = address
    answer = asks.post("/", content=query.format(port=port))
    assert refused(answer), answer.text
    assert connections == []


def test_a_get_by_the_reader_reads(asks: httpx.Client, table: str) -> None:
    assert asks.get("/", params={"query": f"SELECT sum(a) FROM {table}"}).text == "6\n"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT a FROM {t} AS x ORDER BY a",
        "WITH x AS (SELECT a FROM {t}) SELECT * FROM x ORDER BY a",
        "(SELECT a FROM {t} ORDER BY a) UNION ALL (SELECT 0 WHERE 0)",
        "FROM {t} SELECT a ORDER BY a",
        "SELECT arrayJoin(arrayMap(x -> x + 1, range(3))) ORDER BY 1",
        "SELECT number + 1 FROM numbers(3)",
        "SELECT format('{{}}', a) FROM {t} ORDER BY a",
        "SELECT a FROM merge(currentDatabase(), '^t$') ORDER BY a",
    ],
)
def test_what_only_reads_is_answered(
    asks: httpx.Client, table: str, database: str, query: str
) -> None:
    answer = asks.post("/", content=query.format(t=table), params={"database": database})
    assert answer.text == "1\n2\n3\n"


@pytest.mark.parametrize(
    "query",
    [
        "SHOW TABLES",
        "DESCRIBE TABLE {t}",
        "EXISTS TABLE {t}",
        "EXPLAIN SELECT * FROM {t}",
        "SELECT name FROM system.settings WHERE name = 'final'",
        "SHOW SETTINGS LIKE 'final'",
    ],
)
def test_the_reader_may_look_at_the_tables(
    asks: httpx.Client, table: str, database: str, query: str
) -> None:
    answer = asks.post("/", content=query.format(t=table), params={"database": database})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "structure",
    [
        "a Int8) ENGINE = File(CSV, '{out}') AS (SELECT 1",
        "a Int8, b UInt64 DEFAULT length(file('{secret}'))",
        "a Int8, b UInt64 ALIAS length(file('{secret}'))",
        "a Int8; SELECT 1",
    ],
)
def test_a_table_that_the_reader_brings_carries_no_statement(
    asks: httpx.Client, secret: Path, structure: str
) -> None:
    out = secret.parent / "out"
    described = structure.format(out=out, secret=secret)
    params = {"query": "SELECT * FROM x", "x_structure": described, "x_format": "CSV"}
    answer = asks.post("/", params=params, files={"x": ("x.csv", b"1\n")})
    assert answer.status_code != 200
    assert not out.exists()
