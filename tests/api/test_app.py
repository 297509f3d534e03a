"""What is the same for every route: health, the shape of errors, and the id of a request."""

from litestar.testing import TestClient

from api.app import create_app


def test_ready_names_what_does_not_answer() -> None:
    with TestClient(create_app({"broker": lambda: False, "clickhouse": lambda: True})) as client:
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["missing"]) == (503, ["broker"])
        assert client.get("/health/live").status_code == 200


def test_ready_is_ready_where_all_answers() -> None:
    with TestClient(create_app({"broker": lambda: True})) as client:
        assert client.get("/health/ready").json() == {"status": "ready", "missing": []}


def test_an_error_is_a_problem_document_with_the_id_of_the_request() -> None:
    with TestClient(create_app({})) as client:
        answer = client.get("/nowhere", headers={"X-Request-Id": "mine"})
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["X-Request-Id"] == "mine"
        told = answer.json()
        assert (told["status"], told["code"], told["request_id"]) == (404, "not_found", "mine")


def test_an_error_that_nobody_expected_tells_no_insides() -> None:
    def breaks() -> bool:
        raise RuntimeError("a secret")

    app = create_app({"broker": breaks})
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/health/ready")
        assert answer.status_code == 500
        assert answer.json()["code"] == "internal_server_error"
        assert "secret" not in answer.text


def test_every_answer_has_an_id_of_its_own() -> None:
    with TestClient(create_app({})) as client:
        ids = {client.get("/subjects").headers["X-Request-Id"] for _ in range(3)}
        assert len(ids) == 3


def test_the_routes_are_described_as_openapi() -> None:
    with TestClient(create_app({})) as client:
        described = client.get("/schema").json()
        assert described["openapi"].startswith("3.1")
        assert {"/schemas/ids/{schema_id}", "/health/ready"} <= set(described["paths"])
        assert client.get("/schema/openapi.json").json() == described
