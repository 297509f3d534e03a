"""API keys are made once, shown once, kept as hashes; they expire and can be revoked."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.access.keys import DAY_US, KeyRefusedError, Keys
from api.access.roles import Role

NOW = 1_790_000_000_000_000


def test_a_key_opens_for_its_role_until_it_expires(keys: Keys) -> None:
    key = keys.create("payroll", Role.finance, NOW, days=2)
    caller = keys.caller(key, NOW + 2 * DAY_US - 1)
    assert (caller.name, caller.role, caller.expert_id) == ("payroll", Role.finance, "")
    with pytest.raises(KeyRefusedError, match="expired"):
        keys.caller(key, NOW + 2 * DAY_US)


def test_a_revoked_key_opens_nothing_and_stays_in_the_list(keys: Keys) -> None:
    key = keys.create("tracker", Role.ingest, NOW)
    keys.revoke("tracker", NOW + 5)
    with pytest.raises(KeyRefusedError, match="revoked"):
        keys.caller(key, NOW + 6)
    [known] = keys.every()
    assert (known.name, known.revoked_at, known.state_at(NOW + 6)) == (
        "tracker", NOW + 5, "revoked",
    )  # fmt: skip


@pytest.mark.parametrize("wrong", ["", "wl", "wl_0123", "nonsense", "wl_abc_def", "{0}x", "x{0}"])
def test_a_wrong_key_is_refused_without_saying_what_is_wrong(keys: Keys, wrong: str) -> None:
    key = keys.create("payroll", Role.finance, NOW)
    with pytest.raises(KeyRefusedError, match=r"^The key is not known\.$"):
        keys.caller(wrong.format(key), NOW)


def test_the_store_does_not_hold_the_secret(keys: Keys, tmp_path: Path) -> None:
    secret = keys.create("payroll", Role.finance, NOW).split("_", 2)[2]
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("operational.sqlite*"))
    assert kept
    assert secret.encode() not in kept


@pytest.mark.parametrize(
    ("role", "expert_id", "days", "said"),
    [
        (Role.expert, "", 90, "names its expert"),
        (Role.admin, "ines-duarte", 90, "no other does"),
        (Role.admin, "", 0, "1 to 366 days"),
        (Role.admin, "", 367, "1 to 366 days"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(
    keys: Keys, role: Role, expert_id: str, days: int, said: str
) -> None:
    with pytest.raises(KeyRefusedError, match=said):
        keys.create("one", role, NOW, days=days, expert_id=expert_id)
    assert keys.every() == []


def test_the_first_key_is_made_once_and_is_admins(keys: Keys) -> None:
    first = keys.first(NOW)
    assert first
    assert keys.caller(first, NOW).role is Role.admin
    assert keys.first(NOW) is None
    keys.revoke(keys.every()[0].name, NOW)
    assert keys.first(NOW) is None  # nor does it come back


def test_of_many_that_ask_at_once_one_gets_the_first_key(keys: Keys) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: keys.first(NOW), range(8)))
    assert sum(key is not None for key in made) == 1
    assert len(keys.every()) == 1


def test_a_key_that_is_replaced_opens_nothing_any_more(keys: Keys) -> None:
    old, new = (keys.replace("demo", Role.analyst, NOW + second) for second in (0, 1))
    assert keys.caller(new, NOW + 2).identity == "key:demo"
    with pytest.raises(KeyRefusedError, match="revoked"):
        keys.caller(old, NOW + 2)


def test_two_keys_of_one_name_are_refused(keys: Keys) -> None:
    keys.create("payroll", Role.finance, NOW)
    with pytest.raises(KeyRefusedError, match="payroll already"):
        keys.create("payroll", Role.analyst, NOW)
