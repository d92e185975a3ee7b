"""Users and keys as rows: what the shop says of them, and no secret."""

import sqlite3
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

from street import Group, Street, commands, groups_of, new_street, play, street_on
from takt_projections import users
from takt_projections.users import KeyDocument, UserDocument
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.users import (
    CreateUser,
    DeleteUser,
    EditUser,
    IssueKey,
    RevokeKey,
    UserFields,
    create_user,
    delete_user,
    edit_user,
    issue_key,
    revoke_key,
)

QUICK = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def documents(street: Street) -> list[Any]:
    db = street.models.db
    return [each.document for each in users.load(db, users.ids(db))]


def test_rows_of_users_and_keys(tmp_path: Path) -> None:
    with street_on(tmp_path) as street:
        street.do(create_machine, CreateMachine(name="mill"))
        street.do(create_user, CreateUser(username="anna", access_level="plan", password_id="a-secret-name"))
        street.do(create_user, CreateUser(username="ben", access_level="shop"))
        for user_id, name in ((1, "laptop"), (2, "phone"), (1, "old")):
            street.do(issue_key, IssueKey(user_id=user_id, name=name))
        street.do(revoke_key, RevokeKey(key_id=3))
        street.do(edit_user, EditUser(user_id=1, fields=UserFields(active=False, favorite_machines=[1])))
        db = street.models.db
        anna = UserDocument(
            id=1, username="anna", access_level="plan", active=False, favorite_tools=[], favorite_machines=[1]
        )
        assert documents(street)[0] == anna
        assert [each.revision for each in users.load(db, [1, 2, 7])] == [2, 1]
        keys = [KeyDocument(id=1, name="laptop", user_id=1), KeyDocument(id=2, name="phone", user_id=2)]
        assert users.find_keys(db) == keys
        assert users.find_keys(db, 2) == keys[1:]
        assert [users.get_key(db, each) for each in (1, 3, 7)] == [keys[0], None, None]

        street.do(delete_user, DeleteUser(user_id=2))
        assert documents(street) == [anna]
        assert users.find_keys(db) == keys[:1]
        assert columns(db, "users") == {"id", "revision", *anna.__struct_fields__}
        assert columns(db, "keys") == {"id", "user_id", "name", "revoked"}
        rows = [tuple(row) for table in ("users", "keys") for row in db.execute(f"SELECT * FROM {table}")]
        assert "a-secret-name" not in str(rows)


def columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row["name"] for row in db.execute(f"PRAGMA table_info({table})")}


@QUICK
@given(groups_of(commands))
def test_documents_say_what_the_shop_says(groups: list[Group]) -> None:
    with new_street() as street:
        play(street, groups, at_once=True)
        shop = street.shop
        assert [each.id for each in documents(street)] == sorted(shop.users)
        for each in documents(street):
            user = shop.users[each.id]
            assert all(getattr(each, name) == getattr(user, name) for name in each.__struct_fields__)
            assert set(user.favorite_machines) <= shop.machines.keys()
        valid = [key for _, key in sorted(shop.keys.items()) if not key.revoked]
        found = users.find_keys(street.models.db)
        assert [(each.id, each.name, each.user_id) for each in found] == [(k.id, k.name, k.user_id) for k in valid]
        assert all(key.user_id in shop.users for key in valid)
