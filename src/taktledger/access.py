"""The keys that the first start makes: the administrator's, and that of the edge beside the server."""

import os
from pathlib import Path

from taktledger.domain.shop import Key
from taktledger.domain.users import (
    CreateUser,
    IssueKey,
    RevokeKey,
    create_user,
    issue_key,
    revoke_key,
)
from taktledger.ledger.credentials import Credentials, new_key
from taktledger.ledger.writer import Answer, Decide, Request, Step, Writer


def ensure_keys(writer: Writer, credentials: Credentials, data: Path, admin_key: str | None) -> None:
    """Makes what is missing. A given administrator's key replaces the one before. Files are the owner's alone."""
    file = data / "admin.key"
    if admin_key:
        if not _is_valid(writer, credentials, admin_key, "admin"):
            _issue(writer, credentials, "admin", "admin", admin_key)
            file.unlink(missing_ok=True)  # what it holds is not valid any more
    elif not _has_key(writer, credentials, "admin"):
        _issue(writer, credentials, "admin", "admin", _write(file, new_key()))
    edge = data / "edge.key"
    if not (edge.exists() and _is_valid(writer, credentials, edge.read_text().strip(), "edge")):
        _issue(writer, credentials, "edge", "machine", _write(edge, new_key()))


def _keys_of(writer: Writer, username: str) -> list[Key]:
    """The valid keys that were made here for this user, by the ledger."""
    users = {user.id for user in writer.shop.users.values() if user.username == username}
    keys = writer.shop.keys.values()
    return [key for key in keys if key.user_id in users and key.name == username and not key.revoked]


def _is_valid(writer: Writer, credentials: Credentials, key: str, username: str) -> bool:
    return credentials.key_id(key) in {each.id for each in _keys_of(writer, username)}


def _has_key(writer: Writer, credentials: Credentials, username: str) -> bool:
    """Whether a key of this user is known on both sides: a lost `credentials.db` makes a new one."""
    return any(credentials.knows(key.id) for key in _keys_of(writer, username))


def _issue(writer: Writer, credentials: Credentials, username: str, level: str, key: str) -> None:
    """Gives this user this key in place of the ones before. The ledger goes first: a crash between costs one key."""
    user = next((user for user in writer.shop.users.values() if user.username == username), None)
    if user is None:
        _write_one(writer, create_user, CreateUser(username=username, access_level=level))
        user = next(user for user in writer.shop.users.values() if user.username == username)
    for old in _keys_of(writer, username):
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
