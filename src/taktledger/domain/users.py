"""Users and their keys (`docs/users.md`). Hashes are not events: they live in `credentials.db`."""

from msgspec import Struct

from taktledger.domain.errors import Conflict, Invalid, NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.shop import Key, Shop, User

LEVELS = ("admin", "plan", "shop", "audit", "machine")


class UserCreated(Event, frozen=True, kw_only=True):
    """Somebody, or an edge, may use the API from now on."""

    user_id: int
    username: str
    access_level: str

    @property
    def stream(self) -> str:
        return f"user-{self.user_id}"


class KeyIssued(Event, frozen=True, kw_only=True):
    """An API key was made for a user."""

    key_id: int
    user_id: int
    name: str

    @property
    def stream(self) -> str:
        return f"key-{self.key_id}"


class KeyRevoked(Event, frozen=True, kw_only=True):
    """An API key is not accepted any more."""

    key_id: int

    @property
    def stream(self) -> str:
        return f"key-{self.key_id}"


def user_created(shop: Shop, event: UserCreated) -> None:
    shop.users[event.user_id] = User(id=event.user_id, username=event.username, access_level=event.access_level)
    shop.last_ids["user"] = event.user_id


def key_issued(shop: Shop, event: KeyIssued) -> None:
    shop.keys[event.key_id] = Key(id=event.key_id, user_id=event.user_id, name=event.name)
    shop.last_ids["key"] = event.key_id


def key_revoked(shop: Shop, event: KeyRevoked) -> None:
    shop.keys[event.key_id].revoked = True


class CreateUser(Struct, kw_only=True, frozen=True):
    username: str
    access_level: str


class IssueKey(Struct, kw_only=True, frozen=True):
    user_id: int
    name: str


class RevokeKey(Struct, kw_only=True, frozen=True):
    key_id: int


def create_user(shop: Shop, command: CreateUser, now: float) -> list[Event]:
    if command.access_level not in LEVELS:
        raise Invalid(f"the level must be one of {', '.join(LEVELS)}", "access_level")
    if command.username.casefold() in {user.username.casefold() for user in shop.users.values()}:
        raise Conflict(f"there is already a user '{command.username}'", "username")
    user_id = shop.last_ids.get("user", 0) + 1
    return [UserCreated(occurred_at=now, user_id=user_id, username=command.username, access_level=command.access_level)]


def issue_key(shop: Shop, command: IssueKey, now: float) -> list[Event]:
    if command.user_id not in shop.users:
        raise ReferenceMissing(f"there is no user {command.user_id}", "user_id")
    key_id = shop.last_ids.get("key", 0) + 1
    return [KeyIssued(occurred_at=now, key_id=key_id, user_id=command.user_id, name=command.name)]


def revoke_key(shop: Shop, command: RevokeKey, now: float) -> list[Event]:
    key = shop.keys.get(command.key_id)
    if key is None:
        raise NotFound(f"there is no key {command.key_id}")
    return [] if key.revoked else [KeyRevoked(occurred_at=now, key_id=key.id)]
