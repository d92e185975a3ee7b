"""The keys that the first start makes: the administrator's, and that of the edge beside the server."""

import os
from pathlib import Path

from taktledger.domain.users import (
    AccessLevel,
    CreateUser,
    EditUser,
    IssueKey,
    RevokeKey,
    UserFields,
    create_user,
    edit_user,
    issue_key,
    revoke_key,
    user_named,
)
from taktledger.ledger.credentials import Credentials, new_key
from taktledger.ledger.writer import Answer, Decide, Request, Step, Writer


def ensure_keys(writer: Writer, credentials: Credentials, data: Path, admin_key: str | None) -> None:
    """Makes what is missing. A given administrator's key replaces the one before. Files are the owner's alone."""
    credentials.tidy(writer.shop)
    file = data / "admin.key"
    if admin_key:
        if credentials.key_id(admin_key) not in _admins_keys(writer):
            _issue(writer, credentials, "admin", "admin", admin_key)
            file.unlink(missing_ok=True)  # what it holds is not valid any more
    elif not any(credentials.knows(key_id) for key_id in _admins_keys(writer)):  # a lost `credentials.db` too
        _issue(writer, credentials, "admin", "admin", _write(file, new_key()))
    edge = data / "edge.key"
    if not (edge.exists() and credentials.key_id(edge.read_text().strip()) in _valid_keys(writer)):
        _issue(writer, credentials, "edge", "machine", _write(edge, new_key()))


def _valid_keys(writer: Writer) -> set[int]:
    return {key.id for key in writer.shop.keys.values() if not key.revoked}


def _admins_keys(writer: Writer) -> set[int]:
    """Those that open everything. While there is one of them, nobody needs another from here."""
    admins = {user.id for user in writer.shop.users.values() if user.active and user.access_level == "admin"}
    return {key_id for key_id in _valid_keys(writer) if writer.shop.keys[key_id].user_id in admins}


def _issue(writer: Writer, credentials: Credentials, username: str, level: AccessLevel, key: str) -> None:
    """Gives this user this key in place of the ones that were made here before. The ledger goes first: a crash between
    costs one key. The key works, whatever has become of the user: whoever owns the data directory gets in."""
    user = user_named(writer.shop, username)
    if user is None:
        _write_one(writer, create_user, CreateUser(username=username, access_level=level))
        user = user_named(writer.shop, username)
        assert user is not None
    restored = UserFields(access_level=level, active=True)
    _write_one(writer, edit_user, EditUser(user_id=user.id, fields=restored))
    for old in [each for each in writer.shop.keys.values() if each.user_id == user.id and each.name == username]:
        if not old.revoked:
            _write_one(writer, revoke_key, RevokeKey(key_id=old.id))
            credentials.remove(old.id)
    _write_one(writer, issue_key, IssueKey(user_id=user.id, name=username))
    credentials.add(key, writer.shop.last_ids["key"])


def _write_one(writer: Writer, decide: Decide, command: object) -> None:
    outcome = writer.write([Request(steps=[Step(decide=decide, command=command)], actor="system")])[0]
    if not isinstance(outcome, Answer):
        raise outcome


def _write(path: Path, key: str) -> str:
    """Before the key is valid: a crash between leaves a file that the next start writes anew, and no lost key."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
    new.replace(path)
    return key
