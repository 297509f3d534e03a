"""Tables that come with a query, and queries that come as a form."""

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.external import ExternalData

from tests.infra.clickhouse.server_process import ServerProcess


@pytest.mark.parametrize("name", ["reader", "writer"])
def test_a_query_may_bring_a_table(request: pytest.FixtureRequest, name: str) -> None:
    client: Client = request.getfixturevalue(name)
    data = ExternalData(
        file_name="keys.csv", data=b"1,one\n3,three\n", fmt="CSV", structure="k UInt64, t String"
    )
    query = "SELECT number, t FROM numbers(5) AS n JOIN keys ON k = number ORDER BY number"
    assert client.query(query, external_data=data).result_rows == [(1, "one"), (3, "three")]


def test_a_table_may_be_described_by_its_types_alone(reader: Client) -> None:
    data = ExternalData(
        file_name="x.tsv", data=b"1\t(1,'a')\n", types=["UInt8", "Tuple(UInt8, String)"]
    )
    assert reader.query("SELECT _1, _2.2 FROM x", external_data=data).result_rows == [(1, "a")]


def test_several_tables_may_come_at_once(reader: Client) -> None:
    data = ExternalData(file_name="x.csv", data=b"1\n2\n", fmt="CSV", structure="a UInt8")
    data.add_file(file_name="y.csv", data=b"2\n3\n", fmt="CSV", structure="a UInt8")
    query = "SELECT a FROM x WHERE a IN (SELECT a FROM y)"
    assert reader.query(query, external_data=data).result_rows == [(2,)]


def test_the_table_is_gone_after_the_query(http: httpx.Client) -> None:
    params = {"query": "SELECT count() FROM x", "x_structure": "a UInt8"}
    assert http.post("/", params=params, files={"x": ("x.tsv", b"1\n2\n")}).text == "2\n"
    assert http.post("/", content="SELECT count() FROM x").status_code == 404


def test_a_large_table_comes_whole(http: httpx.Client) -> None:
    body = b"".join(b"%d\n" % number for number in range(300_000))
    params = {"query": "SELECT count(), max(a) FROM x", "x_structure": "a UInt64"}
    answer = http.post("/", params=params, files={"x": ("x.tsv", body)})
    assert answer.text == "300000\t299999\n"


def test_a_table_that_nobody_describes_is_told(http: httpx.Client) -> None:
    answer = http.post("/", params={"query": "SELECT 1"}, files={"x": ("x.tsv", b"1\n")})
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "36")


def test_data_that_does_not_fit_its_description_is_told(http: httpx.Client) -> None:
    params = {"query": "SELECT * FROM x", "x_structure": "a UInt8"}
    answer = http.post("/", params=params, files={"x": ("x.tsv", b"one\n")})
    assert answer.status_code == 400


def test_query_and_placeholders_may_come_as_a_form(server: ServerProcess) -> None:
    with clickhouse_connect.get_client(
        host="127.0.0.1",
        port=server.port,
        username="reader",
        password="reader",
        form_encode_query_params=True,
    ) as client:
        texts = [f"it's {number}" for number in range(5_000)]
        answer = client.query("SELECT length({x:Array(String)})", parameters={"x": texts})
        assert answer.result_rows == [(5_000,)]
        data = ExternalData(file_name="k.csv", data=b"7\n", fmt="CSV", structure="a UInt8")
        query = "SELECT a + {x:UInt8} FROM k"
        answer = client.query(query, parameters={"x": 1}, external_data=data)
        assert answer.result_rows == [(8,)]
