"""People come with tokens of an OIDC issuer: a real one on loopback, and all that it is not."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.access import tokens as made_of
from api.access.roles import Role
from api.access.signing_keys import FRESH_S, LIFE_S, REFETCH_S, IssuerDownError, SigningKeys
from api.access.tokens import LEEWAY_S, NoRoleError, TokenRefusedError, Tokens
from tests.api.issuer import AUDIENCE, Issuer, ec_key, issuing, rsa_key

RSA, EC, FOREIGN = rsa_key(), ec_key(), rsa_key()


class Clock:
    """A clock that goes when told."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with a key of each kind."""
    with issuing() as running:
        running.add_key("rsa-1", RSA)
        running.add_key("ec-1", EC)
        yield running


@pytest.fixture
def clock() -> Clock:
    """The clock by which keys grow old."""
    return Clock()


@pytest.fixture
def tokens(issuer: Issuer, clock: Clock) -> Tokens:
    """What judges this issuer's tokens."""
    roles = {str(role): role for role in Role} | {"payroll-team": Role.finance}
    known = made_of.Issuer(issuer.url, AUDIENCE, roles=roles)
    return Tokens(known, SigningKeys(issuer.url, clock_s=clock))


@pytest.mark.parametrize(("key_id", "algorithm"), [("rsa-1", "RS256"), ("ec-1", "ES256")])
def test_a_token_of_the_issuer_says_who_somebody_is(
    tokens: Tokens, issuer: Issuer, key_id: str, algorithm: str
) -> None:
    caller = tokens.caller(issuer.token(key_id, algorithm, role="finance"))
    assert (caller.identity, caller.role, caller.expert_id) == ("user:ana", Role.finance, "")
    assert caller.actor == "staff:ana"


def test_the_role_comes_from_a_claim_in_the_issuers_own_words(
    tokens: Tokens, issuer: Issuer
) -> None:
    caller = tokens.caller(issuer.token("rsa-1", role=["everybody", "payroll-team"]))
    assert caller.role is Role.finance
    for told in ("janitor", [], ["finance", "analyst"], None, {"is": "finance"}, [["finance"]]):
        with pytest.raises(NoRoleError, match="one role"):
            tokens.caller(issuer.token("rsa-1", role=told))


def test_an_expert_is_the_one_that_a_claim_names(tokens: Tokens, issuer: Issuer) -> None:
    caller = tokens.caller(issuer.token("rsa-1", role="expert", expert_id="ines-duarte"))
    assert (caller.expert_id, caller.actor) == ("ines-duarte", "expert:ines-duarte")
    for wrong in (None, "", 7, ["ines-duarte"]):
        with pytest.raises(NoRoleError, match="names no expert"):
            tokens.caller(issuer.token("rsa-1", role="expert", expert_id=wrong))
    not_one = tokens.caller(issuer.token("rsa-1", role="analyst", expert_id="ines-duarte"))
    assert not_one.expert_id == ""


NOW = int(time.time())
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"exp": NOW - LEEWAY_S - 5}, "expired"),
    "without an end": ({"exp": None}, "exp"),
    "not yet in force": ({"nbf": NOW + 3_600}, "not yet valid"),
    "for another": ({"aud": "payroll"}, "[Aa]udience"),
    "for nobody": ({"aud": None}, "aud"),
    "of another issuer": ({"iss": "https://elsewhere.example"}, "[Ii]ssuer"),
    "of no issuer": ({"iss": None}, "iss"),
    "of nobody": ({"sub": None}, "sub"),
    "of an empty name": ({"sub": ""}, "sub"),
    "of a name with a line break": ({"sub": "ana\nroot"}, "sub"),
    "of a name that reads like a key's": ({"sub": "key:payroll"}, "sub"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_token_is_refused_that_is(tokens: Tokens, issuer: Issuer, case: str) -> None:
    claims, said = WRONG[case]
    with pytest.raises(TokenRefusedError, match=said):
        tokens.caller(issuer.token("rsa-1", role="admin", **claims))


def test_clocks_may_differ_a_little(tokens: Tokens, issuer: Issuer) -> None:
    now = int(time.time())
    early_and_late = issuer.token("rsa-1", role="admin", exp=now - LEEWAY_S + 10, nbf=now + 10)
    assert tokens.caller(early_and_late).role is Role.admin


def test_a_signature_that_is_not_the_issuers_is_refused(tokens: Tokens, issuer: Issuer) -> None:
    good = issuer.token("rsa-1", role="analyst")
    head, claims, signature = good.split(".")
    raised = _coded(_decoded(claims) | {"role": "admin"})
    none = _coded({"alg": "none", "kid": "rsa-1"})
    published = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    told = _decoded(claims)
    hmac_head = _coded({"alg": "HS256", "kid": "rsa-1"})
    by_hmac = hmac.digest(published, f"{hmac_head}.{claims}".encode(), "sha256")
    hmac_signature = base64.urlsafe_b64encode(by_hmac).decode().rstrip("=")
    other_head = _coded({"alg": "ES256", "kid": "rsa-1"})
    forged = {
        "other claims": f"{head}.{raised}.{signature}",
        "no signature": f"{head}.{claims}.",
        "no algorithm": f"{none}.{claims}.",
        "no algorithm, in capitals": f"{_coded({'alg': 'NONE', 'kid': 'rsa-1'})}.{claims}.",
        "the public key as a secret": f"{hmac_head}.{claims}.{hmac_signature}",
        "another's key": jwt.encode(told, FOREIGN, "RS256", {"kid": "rsa-1"}),
        "another's key, unknown": jwt.encode(told, FOREIGN, "RS256", {"kid": "theirs"}),
        "no key's name": jwt.encode(told, FOREIGN, "RS256"),
        "another algorithm": jwt.encode(told, RSA, "RS512", {"kid": "rsa-1"}),
        "the other key's algorithm": f"{other_head}.{claims}.{signature}",
        "a key of its own": jwt.encode(
            told, FOREIGN, "RS256", {"kid": "x", "jku": "http://127.0.0.1:9/", "jwk": {}}
        ),
        "nothing": "a.b.c",
        "no token": "nonsense",
        "much": "a" * 20_000,
    }
    assert [name for name, token in forged.items() if not _is_refused(tokens, token)] == []
    assert tokens.caller(good).role is Role.analyst


def test_only_keys_that_are_good_for_signing_count(
    tokens: Tokens, issuer: Issuer, recwarn: pytest.WarningsRecorder
) -> None:
    issuer.add_key("weak", weak := rsa_key(1024))
    issuer.other_jwks = [
        {"kty": "oct", "kid": "secret", "k": base64.urlsafe_b64encode(b"0" * 32).decode()},
        {"kty": "nonsense", "kid": "nonsense"},
        {"kid": "nothing"},
    ]
    told = {"iss": issuer.url, "aud": AUDIENCE, "sub": "ana", "exp": NOW + 600, "role": "admin"}
    for key, algorithm, kid in ((weak, "RS256", "weak"), (b"0" * 32, "HS256", "secret")):
        with pytest.raises(TokenRefusedError):
            tokens.caller(jwt.encode(told, key, algorithm, {"kid": kid}))
    assert tokens.caller(issuer.token("rsa-1", role="admin")).role is Role.admin


def test_a_new_key_is_found_and_a_made_up_one_does_not_hurry_the_issuer(
    tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    tokens.caller(issuer.token("rsa-1", role="admin"))
    asked = len(issuer.asked)
    issuer.add_key("rsa-2", FOREIGN)
    for _ in range(20):
        with pytest.raises(TokenRefusedError):
            tokens.caller(issuer.token("rsa-2", role="admin"))
    assert len(issuer.asked) == asked  # too soon after the last time
    clock.now_s += REFETCH_S
    assert tokens.caller(issuer.token("rsa-2", role="admin")).identity == "user:ana"
    assert issuer.asked[asked:] == ["/.well-known/openid-configuration", "/keys"]


def test_a_key_that_the_issuer_withdrew_is_unknown_before_long(
    tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    withdrawn = issuer.token("rsa-1", role="admin")
    tokens.caller(withdrawn)
    del issuer.keys["rsa-1"]
    clock.now_s += FRESH_S
    with pytest.raises(TokenRefusedError):
        tokens.caller(withdrawn)


def test_where_the_issuer_is_down_known_keys_hold_for_an_hour(
    tokens: Tokens, issuer: Issuer, clock: Clock
) -> None:
    token = issuer.token("rsa-1", role="admin")
    issuer.is_down = True
    with pytest.raises(IssuerDownError):
        tokens.caller(token)
    issuer.is_down = False
    clock.now_s += REFETCH_S
    tokens.caller(token)
    issuer.is_down = True
    clock.now_s += LIFE_S - 1
    tokens.caller(token)
    clock.now_s += REFETCH_S
    with pytest.raises(IssuerDownError, match="does not tell its keys"):
        tokens.caller(token)


def test_keys_of_a_document_that_names_another_issuer_are_not_taken(issuer: Issuer) -> None:
    another = SigningKeys(f"{issuer.url}/")
    with pytest.raises(IssuerDownError):
        another.key("rsa-1")
    assert SigningKeys("https://elsewhere.example", f"{issuer.url}/keys").key("rsa-1") is not None


def _is_refused(tokens: Tokens, token: str) -> bool:
    try:
        tokens.caller(token)
    except TokenRefusedError:
        return True
    return False


def _coded(told: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


def _decoded(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
