"""Users and their keys (`docs/users.md`). Hashes are not events: they live in `credentials.db`."""

from typing import Annotated, Literal, get_args

from msgspec import UNSET, Meta, Struct, UnsetType, field

from taktledger.domain.errors import Conflict, Invalid, NotFound, ReferenceMissing
from taktledger.domain.event import Event
from taktledger.domain.shop import Key, Shop, User
from taktledger.domain.values import Id, Name, edit, only_changes

AccessLevel = Literal["admin", "plan", "shop", "audit", "machine"]
LEVELS: tuple[str, ...] = get_args(AccessLevel)
Favorites = Annotated[list[Id], Meta(max_length=1000)]

# Events


class UserFields(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The fields of a user that can be written."""

    username: Name | UnsetType = UNSET
    access_level: AccessLevel | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    """False: the keys and the password of this user are not accepted."""
    favorite_tools: Favorites | UnsetType = UNSET
    """IDs of tools."""
    favorite_machines: Favorites | UnsetType = UNSET
    """IDs of machines."""


class UserEvent(Event, frozen=True, kw_only=True):
    user_id: int

    @property
    def stream(self) -> str:
        return f"user-{self.user_id}"


class UserCreated(UserEvent, frozen=True, kw_only=True):
    """Somebody, or an edge, may use the API from now on."""

    username: str
    access_level: str
    active: bool = True
    favorite_tools: list[int] = field(default_factory=list)
    favorite_machines: list[int] = field(default_factory=list)


class UserEdited(UserEvent, frozen=True, kw_only=True):
    """What is known of a user was changed, or what he may do."""

    fields: UserFields


class UserDeleted(UserEvent, frozen=True, kw_only=True):
    """A user was deleted, and his keys were revoked. What he did stays under his number."""


class PasswordChanged(UserEvent, frozen=True, kw_only=True):
    """A user's password was set or removed."""

    password_id: str | None
    """A random name for the password, under which `credentials.db` has its hash. Null: there is none any more."""


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


# What they do


def user_created(shop: Shop, event: UserCreated) -> None:
    shop.users[event.user_id] = User(
        id=event.user_id,
        username=event.username,
        access_level=event.access_level,
        active=event.active,
        favorite_tools=event.favorite_tools,
        favorite_machines=event.favorite_machines,
    )
    shop.last_ids["user"] = event.user_id
    shop.touched.users.add(event.user_id)


def user_edited(shop: Shop, event: UserEdited) -> None:
    edit(shop.users[event.user_id], event.fields)
    shop.touched.users.add(event.user_id)


def user_deleted(shop: Shop, event: UserDeleted) -> None:
    del shop.users[event.user_id]
    for key in shop.keys.values():
        if key.user_id == event.user_id:
            key.user_id, key.revoked = None, True
            shop.touched.keys.add(key.id)
    for hold in shop.holds.values():
        if hold.user_id == event.user_id:
            hold.user_id = None
            shop.touched.holds.add(hold.id)
    shop.touched.users.add(event.user_id)


def password_changed(shop: Shop, event: PasswordChanged) -> None:
    shop.users[event.user_id].password_id = event.password_id


def key_issued(shop: Shop, event: KeyIssued) -> None:
    shop.keys[event.key_id] = Key(id=event.key_id, user_id=event.user_id, name=event.name)
    shop.last_ids["key"] = event.key_id
    shop.touched.keys.add(event.key_id)


def key_revoked(shop: Shop, event: KeyRevoked) -> None:
    shop.keys[event.key_id].revoked = True
    shop.touched.keys.add(event.key_id)


def forget_favorite(shop: Shop, favorites: Literal["favorite_tools", "favorite_machines"], object_id: int) -> None:
    """What is deleted is nobody's favourite any more: a list that is sent back as it was read must be accepted."""
    for user in shop.users.values():
        kept = [each for each in getattr(user, favorites) if each != object_id]
        if len(kept) < len(getattr(user, favorites)):
            setattr(user, favorites, kept)
            shop.touched.users.add(user.id)


# Decisions


class CreateUser(UserFields, kw_only=True, frozen=True):
    username: Name
    access_level: AccessLevel
    password_id: str | None = None


class EditUser(Struct, kw_only=True, frozen=True):
    user_id: int
    fields: UserFields = field(default_factory=UserFields)
    password_id: str | UnsetType | None = UNSET


class DeleteUser(Struct, kw_only=True, frozen=True):
    user_id: int
    by: int | None = None
    """The user who wants it."""


class IssueKey(Struct, kw_only=True, frozen=True):
    user_id: int
    name: str


class RevokeKey(Struct, kw_only=True, frozen=True):
    key_id: int
    owner_id: int | None = None
    """Whose it must be; null: anybody's."""


def create_user(shop: Shop, command: CreateUser, now: float) -> list[Event]:
    _check(shop, command, None)
    created = UserCreated(
        occurred_at=now,
        user_id=shop.last_ids.get("user", 0) + 1,
        username=command.username,
        access_level=command.access_level,
        active=True if command.active is UNSET else command.active,
        favorite_tools=command.favorite_tools or [],
        favorite_machines=command.favorite_machines or [],
    )
    if command.password_id is None:
        return [created]
    return [created, PasswordChanged(occurred_at=now, user_id=created.user_id, password_id=command.password_id)]


def edit_user(shop: Shop, command: EditUser, now: float) -> list[Event]:
    user = get_user(shop, command.user_id)
    _check(shop, command.fields, user)
    changes = only_changes(command.fields, user)
    events: list[Event] = [UserEdited(occurred_at=now, user_id=user.id, fields=changes)] if changes else []
    if command.password_id is not UNSET and command.password_id != user.password_id:
        events.append(PasswordChanged(occurred_at=now, user_id=user.id, password_id=command.password_id))
    return events


def delete_user(shop: Shop, command: DeleteUser, now: float) -> list[Event]:
    """Nobody deletes himself. Nor does anybody take his own level, so there is always an administrator left."""
    user = get_user(shop, command.user_id)
    if user.id == command.by:
        raise Conflict("nobody can delete themselves: another administrator can")
    return [UserDeleted(occurred_at=now, user_id=user.id)]


def issue_key(shop: Shop, command: IssueKey, now: float) -> list[Event]:
    if command.user_id not in shop.users:
        raise ReferenceMissing(f"there is no user {command.user_id}", "user_id")
    key_id = shop.last_ids.get("key", 0) + 1
    return [KeyIssued(occurred_at=now, key_id=key_id, user_id=command.user_id, name=command.name)]


def revoke_key(shop: Shop, command: RevokeKey, now: float) -> list[Event]:
    key = shop.keys.get(command.key_id)
    if key is None or key.revoked or command.owner_id not in (None, key.user_id):
        raise NotFound(f"there is no key {command.key_id}")
    return [KeyRevoked(occurred_at=now, key_id=key.id)]


def get_user(shop: Shop, user_id: int) -> User:
    user = shop.users.get(user_id)
    if user is None:
        raise NotFound(f"there is no user {user_id}")
    return user


def user_named(shop: Shop, username: str) -> User | None:
    """The user of this name, in any case."""
    wanted = username.casefold()
    return next((user for user in shop.users.values() if user.username.casefold() == wanted), None)


def _check(shop: Shop, fields: UserFields, user: User | None) -> None:
    """Raises what is wrong with these fields. `user`: whom they are for, if he is there already."""
    if fields.access_level is not UNSET and fields.access_level not in LEVELS:
        raise Invalid(f"the level must be one of {', '.join(LEVELS)}", "access_level")
    if fields.username is not UNSET:
        if ":" in fields.username:  # HTTP Basic ends the name there
            raise Invalid("a user name can't have a colon", "username")
        same = user_named(shop, fields.username)
        if same is not None and same is not user:
            raise Conflict(f"there is already a user '{same.username}'", "username")
    for machine_id in fields.favorite_machines or ():
        if machine_id not in shop.machines:
            raise ReferenceMissing(f"there is no machine {machine_id}", "favorite_machines")
    for tool_id in fields.favorite_tools or ():
        if tool_id not in shop.tools:
            raise ReferenceMissing(f"there is no tool {tool_id}", "favorite_tools")
