"""Hashes of keys and passwords: what is kept, what is removed, and what a crash may leave behind."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from taktledger.domain.shop import Key, Shop, User
from taktledger.ledger.credentials import Credentials, hash_password, is_password, new_key

SECRET = "correct horse battery"
HASH = hash_password(SECRET)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "credentials.db"


@pytest.fixture
def credentials(file: Path) -> Iterator[Credentials]:
    opened = Credentials(file)
    yield opened
    opened.close()


def reopened(file: Path) -> Credentials:
    return Credentials(file)


def shop(*keys: int, password: str | None = None) -> Shop:
    """What the ledger says: these keys are valid, and this password."""
    found = Shop()
    found.users[1] = User(id=1, username="anna", access_level="shop", password_id=password)
    found.keys.update({each: Key(id=each, user_id=1, name="phone") for each in keys})
    return found


def test_a_key_is_known_until_it_is_removed(credentials: Credentials, file: Path) -> None:
    key = new_key()
    credentials.add(key, 7)
    assert (credentials.key_id(key), credentials.knows(7)) == (7, True)
    again = reopened(file)
    assert again.key_id(key) == 7
    again.remove(7)
    assert (again.key_id(key), again.knows(7)) == (None, False)
    again.close()


def test_a_password_is_kept_under_an_id(credentials: Credentials, file: Path) -> None:
    password_id = credentials.add_password(HASH)
    assert password_id != credentials.add_password(HASH)
    again = reopened(file)
    assert again.password_hash(password_id) == HASH
    assert again.password_hash("unknown") is None
    assert again.password_hash(None) is None
    again.close()


def test_the_file_is_the_owners_alone_and_has_no_secret(credentials: Credentials, file: Path) -> None:
    key = new_key()
    credentials.add(key, 1)
    credentials.add_password(HASH)
    assert file.stat().st_mode & 0o777 == 0o600
    held = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert key.encode() not in held
    assert SECRET.encode() not in held


def test_hashes_are_salted_argon2() -> None:
    assert HASH.startswith("$argon2id$")
    assert hash_password(SECRET) != HASH


@pytest.mark.parametrize(
    ("password", "hashed", "right"),
    [(SECRET, HASH, True), (SECRET + "x", HASH, False), ("", HASH, False), (SECRET, None, False), ("", None, False)],
    ids=["right", "wrong", "empty", "has none", "has none, empty"],  # a salt is another in each process
)
def test_only_the_password_is_the_password(password: str, hashed: str | None, right: bool) -> None:
    assert is_password(password, hashed) is right


def test_who_has_no_password_is_found_out_by_hashing_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the time of the answer would tell which users there are."""
    from taktledger.ledger import credentials

    asked = []

    class Hasher:
        def verify(self, password: str, hashed: str) -> bool:
            asked.append(hashed.split("$")[1:4])
            return False

    is_password(SECRET, None)  # makes the hash that is nobody's
    monkeypatch.setattr(credentials, "_ARGON2", Hasher())
    assert not is_password(SECRET, None)
    assert not is_password(SECRET, HASH)
    assert asked[0] == asked[1]


# What the ledger doesn't call valid


def test_what_the_ledger_calls_valid_stays(credentials: Credentials) -> None:
    credentials.add("a", 1)
    credentials.add("b", 2)
    password_id = credentials.add_password(HASH)
    credentials.decided(password_id)
    credentials.tidy(shop(1, 2, password=password_id))
    assert [credentials.key_id(each) for each in "ab"] == [1, 2]
    assert credentials.password_hash(password_id) == HASH


def test_what_was_revoked_or_never_written_goes(credentials: Credentials, file: Path) -> None:
    credentials.add("a", 1)
    credentials.add("b", 2)
    before, after = credentials.add_password(HASH), credentials.add_password(HASH)
    credentials.decided(before)
    credentials.decided(after)
    ledger = shop(1, password=after)
    ledger.keys[2] = Key(id=2, user_id=None, name="phone", revoked=True)
    credentials.tidy(ledger)
    again = reopened(file)
    assert [again.key_id(each) for each in "ab"] == [1, None]
    assert (again.password_hash(before), again.password_hash(after)) == (None, HASH)
    again.close()


def test_a_password_that_waits_for_its_event_stays(credentials: Credentials, file: Path) -> None:
    """Another request is tidied up after, between its hash and its event."""
    waiting = credentials.add_password(HASH)
    credentials.tidy(shop())
    assert credentials.password_hash(waiting) == HASH
    again = reopened(file)  # a crash: the event was never written
    again.tidy(shop())
    assert again.password_hash(waiting) is None
    again.close()


def test_a_key_from_after_a_backup_opens_nothing(file: Path, credentials: Credentials) -> None:
    """The ledger came from a backup in which key 2 was not there yet. It will give that ID again."""
    credentials.add("old", 2)
    again = reopened(file)
    again.tidy(shop(1))
    again.add("new", 2)
    assert (again.key_id("old"), again.key_id("new")) == (None, 2)
    again.close()


def test_the_secret_of_requests_stays_the_same(file: Path, credentials: Credentials) -> None:
    again = reopened(file)
    assert again.request_secret == credentials.request_secret
    assert len(again.request_secret) == 32
    again.close()


def test_a_file_of_an_earlier_release_is_taken_over(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE keys (sha256 TEXT PRIMARY KEY, key_id INTEGER) STRICT")
        db.execute("INSERT INTO keys VALUES ('ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb', 3)")
    db.close()
    opened = Credentials(file)
    assert opened.key_id("a") == 3
    assert opened.password_hash("x") is None
    opened.close()
