"""Users and their keys: "Levels", and "Inventory, options, users"."""

import pytest

from given import NOON, Given
from taktledger.domain.errors import Conflict, Invalid, NotFound, ReferenceMissing
from taktledger.domain.users import (
    CreateUser,
    IssueKey,
    KeyIssued,
    KeyRevoked,
    RevokeKey,
    UserCreated,
    create_user,
    issue_key,
    revoke_key,
)

ANNA = UserCreated(occurred_at=NOON - 60, user_id=1, username="anna", access_level="admin")
KEY = KeyIssued(occurred_at=NOON - 50, key_id=1, user_id=1, name="laptop")


@pytest.mark.parametrize("level", ["admin", "plan", "shop", "audit", "machine"])
def test_a_user_of_each_level(level: str) -> None:
    """`admin`, `plan`, `shop`, `audit`; a user of level `machine` is an adapter's account. New users are active."""
    given = Given().when(create_user, CreateUser(username="anna", access_level=level))
    given.then(UserCreated(occurred_at=NOON + 1, user_id=1, username="anna", access_level=level))
    assert (given.shop.users[1].access_level, given.shop.users[1].active) == (level, True)


def test_an_unknown_level() -> None:
    """An invalid field is 400."""
    given = Given().when(create_user, CreateUser(username="anna", access_level="king"))
    given.then_error(Invalid, "access_level")


@pytest.mark.parametrize("name", ["anna", "ANNA", "Anna"])
def test_a_name_that_is_taken(name: str) -> None:
    """409 name taken (any case)."""
    Given(ANNA).when(create_user, CreateUser(username=name, access_level="shop")).then_error(Conflict, "username")


def test_a_key_is_issued() -> None:
    """`PUT /api/users/keys {name}`: the ledger says only that a key of that name was issued."""
    given = Given(ANNA).when(issue_key, IssueKey(user_id=1, name="laptop"))
    given.then(KeyIssued(occurred_at=NOON + 1, key_id=1, user_id=1, name="laptop"))
    assert not given.shop.keys[1].revoked


def test_a_user_may_have_several_keys() -> None:
    given = Given(ANNA, KEY).when(issue_key, IssueKey(user_id=1, name="laptop")).then(KeyIssued)
    assert list(given.shop.keys) == [1, 2]


def test_a_key_for_an_unknown_user() -> None:
    """An admin may add `user_id`; a reference to another object that doesn't exist is 424."""
    Given(ANNA).when(issue_key, IssueKey(user_id=2, name="laptop")).then_error(ReferenceMissing, "user_id")


def test_a_key_is_revoked_once() -> None:
    """`DELETE /api/users/keys/{id}` 204."""
    given = Given(ANNA, KEY).when(revoke_key, RevokeKey(key_id=1))
    given.then(KeyRevoked(occurred_at=NOON + 1, key_id=1))
    assert given.shop.keys[1].revoked
    given.when(revoke_key, RevokeKey(key_id=1)).then()


def test_revoking_an_unknown_key() -> None:
    """A missing object is 404."""
    Given(ANNA).when(revoke_key, RevokeKey(key_id=1)).then_error(NotFound)
