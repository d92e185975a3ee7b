"""Users and their keys: "Levels", and "Inventory, options, users"."""

from typing import Any

import pytest

from given import NOON, Given, a_machine
from taktledger.domain.errors import Conflict, Invalid, NotFound, ReferenceMissing
from taktledger.domain.fold import CODEC
from taktledger.domain.machines import DeleteMachine, delete_machine
from taktledger.domain.users import (
    CreateUser,
    DeleteUser,
    EditUser,
    IssueKey,
    KeyIssued,
    KeyRevoked,
    PasswordChanged,
    RevokeKey,
    UserCreated,
    UserDeleted,
    UserEdited,
    UserFields,
    create_user,
    delete_user,
    edit_user,
    issue_key,
    revoke_key,
)

ANNA = UserCreated(occurred_at=NOON - 60, user_id=1, username="anna", access_level="admin")
BEN = UserCreated(occurred_at=NOON - 60, user_id=2, username="ben", access_level="shop")
KEY = KeyIssued(occurred_at=NOON - 50, key_id=1, user_id=1, name="laptop")
BENS_KEY = KeyIssued(occurred_at=NOON - 50, key_id=2, user_id=2, name="phone")
PASSWORD = PasswordChanged(occurred_at=NOON - 40, user_id=1, password_id="first")


def edited(user_id: int = 1, **fields: Any) -> EditUser:
    return EditUser(user_id=user_id, fields=UserFields(**fields))


# Users


@pytest.mark.parametrize("level", ["admin", "plan", "shop", "audit", "machine"])
def test_a_user_of_each_level(level: Any) -> None:
    """`admin`, `plan`, `shop`, `audit`; a user of level `machine` is an adapter's account. New users are active."""
    given = Given().when(create_user, CreateUser(username="anna", access_level=level))
    given.then(UserCreated(occurred_at=NOON + 1, user_id=1, username="anna", access_level=level))
    assert (given.shop.users[1].access_level, given.shop.users[1].active) == (level, True)


def test_a_user_with_every_field() -> None:
    fields: dict[str, Any] = {"username": "anna", "access_level": "plan", "active": False, "favorite_machines": [2, 1]}
    given = Given(a_machine(1), a_machine(2, "mill")).when(create_user, CreateUser(**fields))
    given.then(UserCreated(occurred_at=NOON + 1, user_id=1, **fields))
    user = given.shop.users[1]
    assert {name: getattr(user, name) for name in fields} == fields
    assert (user.favorite_tools, user.password_id) == ([], None)


def test_the_old_form_of_a_user_is_still_read() -> None:
    stored = b'{"event":"UserCreated","occurred_at":1.0,"user_id":1,"username":"anna","access_level":"admin"}'
    event = CODEC.decode(stored)
    assert event == UserCreated(occurred_at=1.0, user_id=1, username="anna", access_level="admin")
    user = Given(event).shop.users[1]
    assert (user.active, user.favorite_tools, user.favorite_machines) == (True, [], [])


def test_a_user_with_a_password_is_one_decision() -> None:
    given = Given().when(create_user, CreateUser(username="anna", access_level="shop", password_id="abc"))
    given.then(UserCreated, PasswordChanged(occurred_at=NOON + 1, user_id=1, password_id="abc"))
    assert given.shop.users[1].password_id == "abc"


def test_an_unknown_level() -> None:
    """An invalid field is 400."""
    king: Any = "king"
    Given().when(create_user, CreateUser(username="anna", access_level=king)).then_error(Invalid, "access_level")
    Given(ANNA).when(edit_user, edited(access_level=king)).then_error(Invalid, "access_level")


@pytest.mark.parametrize("name", ["anna", "ANNA", "Anna"])
def test_a_name_that_is_taken(name: str) -> None:
    """409 name taken (any case)."""
    Given(ANNA).when(create_user, CreateUser(username=name, access_level="shop")).then_error(Conflict, "username")
    Given(ANNA, BEN).when(edit_user, edited(2, username=name)).then_error(Conflict, "username")


def test_a_name_of_ones_own_in_another_case() -> None:
    given = Given(ANNA).when(edit_user, edited(username="Anna"))
    given.then(UserEdited(occurred_at=NOON + 1, user_id=1, fields=UserFields(username="Anna")))


def test_a_name_with_a_colon() -> None:
    """HTTP Basic could not carry it."""
    command = CreateUser(username="an:na", access_level="shop")
    Given().when(create_user, command).then_error(Invalid, "username")
    Given(ANNA).when(edit_user, edited(username="an:na")).then_error(Invalid, "username")


def test_an_edit_says_only_what_changed() -> None:
    given = Given(ANNA).when(edit_user, edited(username="anna", access_level="plan", active=False))
    fields = UserFields(access_level="plan", active=False)
    given.then(UserEdited(occurred_at=NOON + 1, user_id=1, fields=fields))
    assert (given.shop.users[1].access_level, given.shop.users[1].active) == ("plan", False)
    given.when(edit_user, edited(access_level="plan")).then()


@pytest.mark.parametrize(
    "command",
    [
        (edit_user, edited(7, username="x")),
        (delete_user, DeleteUser(user_id=7)),
        (edit_user, EditUser(user_id=7, password_id="x")),
    ],
)
def test_an_unknown_user(command: Any) -> None:
    """A missing object is 404."""
    Given(ANNA).when(*command).then_error(NotFound)


# Favourites


@pytest.mark.parametrize("field", ["favorite_machines", "favorite_tools"])
def test_a_favourite_that_is_unknown(field: str) -> None:
    """A reference to another object that doesn't exist is 424."""
    given = Given(ANNA, a_machine(1))
    given.when(edit_user, edited(**{field: [1, 7] if field == "favorite_machines" else [7]}))
    given.then_error(ReferenceMissing, field)
    new = CreateUser(username="x", access_level="shop", **{field: [7]})
    given.when(create_user, new).then_error(ReferenceMissing, field)


def test_favourites_keep_their_order_and_lose_what_is_deleted() -> None:
    given = Given(ANNA, a_machine(1), a_machine(2, "mill"), a_machine(3, "saw"))
    given.when(edit_user, edited(favorite_machines=[3, 1, 2])).then(UserEdited)
    given.when(delete_machine, DeleteMachine(machine_id=1))
    assert given.shop.users[1].favorite_machines == [3, 2]
    given.when(edit_user, edited(favorite_machines=[3, 2])).then()


# Deleting


def test_deleting_a_user_revokes_his_keys() -> None:
    """Deleting always works and history stays: references read null."""
    given = Given(ANNA, BEN, KEY, BENS_KEY).when(delete_user, DeleteUser(user_id=2, by=1))
    given.then(UserDeleted(occurred_at=NOON + 1, user_id=2))
    assert list(given.shop.users) == [1]
    key = given.shop.keys[2]
    assert (key.revoked, key.user_id) == (True, None)
    assert not given.shop.keys[1].revoked


def test_an_id_is_never_given_twice() -> None:
    given = Given(ANNA, BEN).when(delete_user, DeleteUser(user_id=2)).then(UserDeleted)
    given.when(create_user, CreateUser(username="ben", access_level="shop")).then(UserCreated)
    assert list(given.shop.users) == [1, 3]


def test_nobody_deletes_himself() -> None:
    Given(ANNA).when(delete_user, DeleteUser(user_id=1, by=1)).then_error(Conflict)


# Passwords


def test_a_password_is_changed_and_removed() -> None:
    given = Given(ANNA, PASSWORD).when(edit_user, EditUser(user_id=1, password_id="second"))
    given.then(PasswordChanged(occurred_at=NOON + 1, user_id=1, password_id="second"))
    given.when(edit_user, EditUser(user_id=1, password_id=None)).then(PasswordChanged)
    assert given.shop.users[1].password_id is None
    given.when(edit_user, EditUser(user_id=1, password_id=None)).then()


def test_fields_and_password_in_one_edit() -> None:
    command = EditUser(user_id=1, fields=UserFields(active=False), password_id="abc")
    Given(ANNA).when(edit_user, command).then(UserEdited, PasswordChanged)


# Keys


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
    """`DELETE /api/users/keys/{id}` 204; afterwards it is gone, and a missing object is 404."""
    given = Given(ANNA, KEY).when(revoke_key, RevokeKey(key_id=1))
    given.then(KeyRevoked(occurred_at=NOON + 1, key_id=1))
    assert given.shop.keys[1].revoked
    given.when(revoke_key, RevokeKey(key_id=1)).then_error(NotFound)


def test_revoking_an_unknown_key() -> None:
    """A missing object is 404."""
    Given(ANNA).when(revoke_key, RevokeKey(key_id=1)).then_error(NotFound)
