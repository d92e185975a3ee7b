"""`/api/users/`: users, and the keys and passwords that let them in."""

from typing import Annotated, TypeVar

from litestar import Controller, Response, delete, get, patch, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from takt_projections import users
from takt_projections.users import KeyDocument, UserDocument
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, document, map_of
from taktledger.api.levels import check_own, only_writable
from taktledger.api.nouns import USERS
from taktledger.api.parameters import Id
from taktledger.api.passwords import hash_password
from taktledger.api.writing import Revision, answered, object_id, revision_of, write
from taktledger.domain.errors import NotFound
from taktledger.domain.users import (
    AccessLevel,
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
from taktledger.domain.values import Id as ObjectId
from taktledger.domain.values import Name, narrow
from taktledger.ledger.credentials import new_key
from taktledger.ledger.writer import Answer, Decide, OutcomeUnknown

CommandT = TypeVar("CommandT", CreateUser, EditUser)
Password = Annotated[str, Meta(min_length=8, max_length=200)]


class EditUserBody(UserFields, kw_only=True, frozen=True):
    password: Password | UnsetType | None = UNSET
    """8 to 200 characters. Null removes it. It is never shown."""


class NewUserBody(EditUserBody, kw_only=True, frozen=True):
    username: Name
    access_level: AccessLevel


class NewKeyBody(Struct, kw_only=True, frozen=True):
    name: Name
    user_id: ObjectId | UnsetType | None = UNSET
    """Whose key it is to be. An administrator alone can say so; otherwise it is the caller's."""


class NewKey(Struct, kw_only=True):
    id: int
    name: str
    user_id: int
    key: str | None = None
    """Shown this once: only its hash is kept. Null in a repeated answer."""


def key_or_404(backend: Backend, key_id: int) -> KeyDocument:
    key = users.get_key(backend.rows.db, key_id)
    if key is None:
        raise NotFound(f"there is no key {key_id}")
    return key


async def write_with_password(
    request: ApiRequest,
    backend: Backend,
    password: str | UnsetType | None,
    decide: Decide,
    command: CommandT,
    status: int = 200,
    revision: Revision | None = None,
) -> Answer:
    """Keeps the hash, writes the command that makes it valid, and removes the hashes that are of no use any more.

    Where nobody waits for the outcome, or nobody knows it, both hashes stay until the next start.
    """
    credentials = backend.credentials
    password_id = credentials.add_password(await hash_password(password)) if password else None
    if password_id:
        command = replace(command, password_id=password_id)
    try:
        answer = await write(request, backend, decide, command, status, revision, credentials.request_secret)
    except OutcomeUnknown:
        raise
    except Exception:
        settle(backend, password_id)
        raise
    settle(backend, password_id)
    return answer


def settle(backend: Backend, password_id: str | None = None) -> None:
    """The ledger has decided: what it doesn't call valid goes."""
    if password_id:
        backend.credentials.decided(password_id)
    if not backend.writer.stale:  # a shop that is to be loaded anew may hold what was never written
        backend.credentials.tidy(backend.writer.shop)


class UserController(Controller):
    path = "/api/users"
    tags = ("Users",)

    @get("/", operation_id="list_users", summary="List users")
    async def list_users(self, backend: NamedDependency[Backend]) -> Document[dict[str, UserDocument]]:
        """All users."""

        def make() -> bytes:
            return map_of(backend.documents.bodies(USERS, users.ids(backend.rows.db)))

        return backend.documents.kept([USERS], ("users",), make)

    @put("/", operation_id="create_user", summary="Create user", status_code=201)
    async def create_user(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[NewUserBody]
    ) -> Document[UserDocument]:
        """Adds a user. 409 if another one has this name, in any case."""
        fields = {name: getattr(data, name) for name in UserFields.__struct_fields__}
        answer = await write_with_password(request, backend, data.password, create_user, CreateUser(**fields), 201)
        return backend.documents.one(USERS, object_id(answer)).answering(answer)

    @get("/me", operation_id="get_me", summary="Get the caller")
    async def get_me(self, request: ApiRequest, backend: NamedDependency[Backend]) -> Document[UserDocument]:
        """The user whose key this is."""
        return backend.documents.one(USERS, request.user.user_id)

    @get("/{user_id:int}", operation_id="get_user", summary="Get user")
    async def get_user(self, backend: NamedDependency[Backend], user_id: FromPath[Id]) -> Document[UserDocument]:
        """One user."""
        return backend.documents.one(USERS, user_id)

    @patch("/{user_id:int}", operation_id="edit_user", summary="Edit user")
    async def edit_user(
        self,
        request: ApiRequest,
        backend: NamedDependency[Backend],
        user_id: FromPath[Id],
        data: JSONBody[EditUserBody],
    ) -> Document[UserDocument]:
        """Changes the fields that are given. Whoever is no administrator changes their own favourites and password."""
        caller, own = request.user, request.user.user_id == user_id
        check_own("edit_user", caller.level, own=own)
        data = only_writable("edit_user", caller.level, data, caller.actor, own=own)
        command = EditUser(
            user_id=user_id,
            fields=narrow(UserFields, data),
            password_id=None if data.password is None else UNSET,
        )
        revision = revision_of(USERS, user_id)
        answer = await write_with_password(request, backend, data.password, edit_user, command, revision=revision)
        return backend.documents.one(USERS, user_id).answering(answer)

    @delete("/{user_id:int}", operation_id="delete_user", summary="Delete user", status_code=204)
    async def delete_user(
        self, request: ApiRequest, backend: NamedDependency[Backend], user_id: FromPath[Id]
    ) -> Response[None]:
        """Deletes a user and revokes the keys. 409 for the caller's own."""
        command = DeleteUser(user_id=user_id, by=request.user.user_id)
        answer = await write(request, backend, delete_user, command, 204, revision_of(USERS, user_id))
        settle(backend)
        return answered(answer, None)

    @get("/keys", operation_id="list_keys", summary="List keys")
    async def list_keys(
        self, request: ApiRequest, backend: NamedDependency[Backend]
    ) -> Document[dict[str, KeyDocument]]:
        """The caller's valid keys; an administrator sees those of all users."""
        owner = None if request.user.level == "admin" else request.user.user_id
        return document({str(each.id): each for each in users.find_keys(backend.rows.db, owner)})

    @put(
        "/keys",
        operation_id="issue_key",
        summary="Make a key",
        status_code=201,
        security=[{"key": []}, {"password": []}],
    )
    async def issue_key(
        self, request: ApiRequest, backend: NamedDependency[Backend], data: JSONBody[NewKeyBody]
    ) -> Response[NewKey]:
        """Makes a key and shows it this once. Also with the name and the password of a user (HTTP Basic)."""
        data = only_writable("issue_key", request.user.level, data, request.user.actor)
        command = IssueKey(user_id=data.user_id or request.user.user_id, name=data.name)
        answer = await write(request, backend, issue_key, command, 201)
        # The ledger goes first. A crash between the two leaves a key in the list that nobody has ever seen.
        made = key_or_404(backend, object_id(answer))
        key: str | None = None
        if not answer.replayed:
            key = new_key()
            backend.credentials.add(key, made.id)
        return answered(answer, NewKey(id=made.id, name=made.name, user_id=made.user_id, key=key))

    @delete("/keys/{key_id:int}", operation_id="revoke_key", summary="Revoke a key", status_code=204)
    async def revoke_key(
        self, request: ApiRequest, backend: NamedDependency[Backend], key_id: FromPath[Id]
    ) -> Response[None]:
        """Revokes a key: one's own, and an administrator anybody's. It is refused from the next request on."""
        key = users.get_key(backend.rows.db, key_id)
        if key is not None:
            check_own("revoke_key", request.user.level, own=key.user_id == request.user.user_id)
        owner_id = None if request.user.level == "admin" else request.user.user_id
        answer = await write(request, backend, revoke_key, RevokeKey(key_id=key_id, owner_id=owner_id), 204)
        backend.credentials.remove(key_id)
        return answered(answer, None)
