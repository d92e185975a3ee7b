"""Users over HTTP: who they are, their keys and passwords, and that no secret is ever shown or kept."""

import hashlib
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from api.client import (
    UNKNOWN,
    Json,
    Server,
    at_once,
    get,
    ledger,
    make_key,
    make_machine,
    make_user,
    parts_of,
    refused,
    report,
    unique,
)

PASSWORD = "Correct-Horse-7"
OTHER = "Battery-Staple-8"
PEOPLE = ["admin", "plan", "shop", "audit"]
As = Callable[[Json], httpx.Client]


@pytest.fixture
def as_user(server: Server, api: httpx.Client) -> Iterator[As]:
    """A client with a new key of a user."""
    opened: list[httpx.Client] = []

    def client(user: Json) -> httpx.Client:
        opened.append(server.client(make_key(api, user)["key"]))
        return opened[-1]

    yield client
    for each in opened:
        each.close()


def path_of(user: Json) -> str:
    return f"/api/users/{user['id']}"


def log_in(server: Server, name: str, password: str, **body: object) -> httpx.Response:
    """A key for a name and a password."""
    with server.client(None) as nobody:
        return nobody.put("/api/users/keys", json={"name": "phone"} | body, auth=(name, password))


# Users


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("level", [*PEOPLE, "machine"])
def test_creating_answers_201_with_the_whole_user(api: httpx.Client, level: str, slash: str) -> None:
    name = unique("anna")
    answer = api.put(f"/api/users{slash}", json={"username": name, "access_level": level})
    assert answer.status_code == 201, answer.text
    user = answer.json()
    defaults = {"active": True, "favorite_tools": [], "favorite_machines": []}
    assert user == {"id": user["id"], "username": name, "access_level": level, **defaults}
    assert get(api, path_of(user) + slash) == user
    assert get(api, f"/api/users{slash}")[str(user["id"])] == user


def test_creating_takes_every_field(api: httpx.Client) -> None:
    machine = make_machine(api)
    fields = {"active": False, "favorite_machines": [machine["id"]], "favorite_tools": []}
    assert {name: value for name, value in make_user(api, **fields).items() if name in fields} == fields


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"access_level": "shop"}, "username"),
        ({"username": "x"}, "access_level"),
        ({"username": "", "access_level": "shop"}, "username"),
        ({"username": None, "access_level": "shop"}, "username"),
        ({"username": "a:b", "access_level": "shop"}, "username"),
        ({"username": "x", "access_level": "king"}, "access_level"),
        ({"username": "x", "access_level": "Admin"}, "access_level"),
        ({"username": "x", "access_level": "shop", "active": "perhaps"}, "active"),
        ({"username": "x", "access_level": "shop", "password": "short"}, "password"),
        ({"username": "x", "access_level": "shop", "password": "x" * 201}, "password"),
        ({"username": "x", "access_level": "shop", "password": 12345678}, "password"),
        ({"username": "x", "access_level": "shop", "favorite_machines": [1.5]}, "favorite_machines"),
    ],
)
def test_creating_with_a_wrong_field_is_400(api: httpx.Client, body: Json, field: str) -> None:
    before = get(api, "/api/users/")
    problem = refused(api.put("/api/users/", json=body), 400)
    assert problem["field"].startswith(field)
    assert "short" not in str(problem)
    assert get(api, "/api/users/") == before


def test_a_name_is_taken_in_any_case(api: httpx.Client) -> None:
    user, other = make_user(api, username=unique("Größe")), make_user(api)
    body = {"username": user["username"].upper(), "access_level": "shop"}
    refused(api.put("/api/users/", json=body), 409, field="username")
    refused(api.patch(path_of(other), json={"username": user["username"].lower()}), 409, field="username")
    assert api.patch(path_of(user), json={"username": user["username"].lower()}).status_code == 200


@pytest.mark.parametrize("field", ["favorite_machines", "favorite_tools"])
def test_an_unknown_favourite_is_424(api: httpx.Client, field: str) -> None:
    user = make_user(api)
    refused(api.patch(path_of(user), json={field: [UNKNOWN]}), 424, field=field)
    body = {"username": unique("x"), "access_level": "shop", field: [UNKNOWN]}
    refused(api.put("/api/users/", json=body), 424, field=field)
    assert get(api, path_of(user)) == user


def test_a_deleted_machine_is_nobodys_favourite(api: httpx.Client) -> None:
    gone, stays = make_machine(api), make_machine(api)
    user = make_user(api, favorite_machines=[gone["id"], stays["id"]])
    api.delete(f"/api/machines/{gone['id']}")
    assert get(api, path_of(user))["favorite_machines"] == [stays["id"]]


def test_an_admin_changes_every_field(api: httpx.Client, as_user: As) -> None:
    user, machine = make_user(api, "shop"), make_machine(api)
    boss = as_user(make_user(api, "admin"))
    fields = {
        "username": unique("renamed"),
        "access_level": "plan",
        "active": False,
        "favorite_machines": [machine["id"]],
        "favorite_tools": [],
    }
    answer = boss.patch(path_of(user), json=fields | {"id": UNKNOWN, "colour": "red"})
    assert (answer.status_code, answer.json()) == (200, user | fields)
    assert get(api, path_of(user)) == user | fields


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_user_is_404(api: httpx.Client, method: str) -> None:
    body = {"active": True, "password": PASSWORD} if method == "PATCH" else None
    refused(api.request(method, f"/api/users/{UNKNOWN}", json=body), 404)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("level", PEOPLE)
def test_everybody_can_ask_who_they_are(api: httpx.Client, as_user: As, level: str, slash: str) -> None:
    user = make_user(api, level)
    assert get(as_user(user), f"/api/users/me{slash}") == user


# One's own, and that of others


@pytest.mark.parametrize("level", ["plan", "shop", "audit"])
def test_of_oneself_one_changes_favourites_and_password_alone(
    server: Server, api: httpx.Client, as_user: As, level: str
) -> None:
    user, machine = make_user(api, level), make_machine(api)
    own = {"favorite_machines": [machine["id"]], "favorite_tools": []}
    more = {"username": "root", "access_level": "admin", "active": False}
    answer = as_user(user).patch(path_of(user), json=own | more | {"password": PASSWORD})
    assert (answer.status_code, answer.json()) == (200, user | own)
    assert log_in(server, user["username"], PASSWORD).status_code == 201
    line = next(each for each in server.log.splitlines() if f"user-{user['id']}" in each and "ignored" in each)
    assert "access_level" in line
    assert "root" not in line


def test_even_an_admin_changes_neither_own_level_nor_active(api: httpx.Client, as_user: As) -> None:
    user = make_user(api, "admin")
    name = unique("renamed")
    answer = as_user(user).patch(path_of(user), json={"access_level": "shop", "active": False, "username": name})
    assert (answer.status_code, answer.json()) == (200, user | {"username": name})


@pytest.mark.parametrize("level", ["plan", "shop", "audit", "machine"])
def test_of_somebody_else_one_changes_nothing(api: httpx.Client, as_user: As, level: str) -> None:
    user, other = make_user(api, level), make_user(api)
    for body in ({"favorite_machines": []}, {"password": PASSWORD}, {}):
        problem = refused(as_user(user).patch(path_of(other), json=body), 403)
        assert problem["allowed"] == ["admin"]


def test_an_adapters_account_changes_not_even_itself(api: httpx.Client, as_user: As) -> None:
    user = make_user(api, "machine")
    refused(as_user(user).patch(path_of(user), json={"password": PASSWORD}), 403)


# Deactivated and deleted


def test_a_deactivated_users_keys_answer_401(server: Server, api: httpx.Client, as_user: As) -> None:
    user = make_user(api, password=PASSWORD)
    client = as_user(user)
    assert client.get("/api/users/me").status_code == 200
    api.patch(path_of(user), json={"active": False})
    refused(client.get("/api/users/me"), 401)
    refused(log_in(server, user["username"], PASSWORD), 401)
    api.patch(path_of(user), json={"active": True})
    assert client.get("/api/users/me").status_code == 200


@pytest.mark.parametrize("slash", ["", "/"])
def test_deleting_a_user_revokes_his_keys_and_leaves_history(
    server: Server, api: httpx.Client, as_user: As, slash: str
) -> None:
    user = make_user(api, "plan", password=PASSWORD)
    client = as_user(user)
    key = next(each for each in get(client, "/api/users/keys"))
    program = client.put("/api/programs/", json={"filename": "O1", "machine_id": make_machine(api)["id"]}).json()
    answer = api.delete(path_of(user) + slash)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(client.get("/api/programs/"), 401)
    refused(log_in(server, user["username"], PASSWORD), 401)
    refused(api.get(path_of(user)), 404)
    refused(api.delete(f"/api/users/keys/{key}"), 404)
    assert key not in get(api, "/api/users/keys")
    (event,) = ledger(api, stream=f"program-{program['id']}")
    assert event["actor"] == f"user-{user['id']}"
    assert make_user(api, username=user["username"])["id"] > user["id"]


def test_what_named_a_deleted_user_names_nobody(api: httpx.Client, as_user: As) -> None:
    user, machine = make_user(api, "shop"), make_machine(api)
    for count in (1, 2):
        report(api, machine, program_name="O1", part_count=count)
    (part,) = parts_of(api, machine)
    path = f"/api/parts/{part['id']}"
    assert as_user(user).patch(path, json={"notes": "a scratch"}).json()["editor_id"] == user["id"]
    assert get(api, path)["editor_id"] == user["id"]
    api.delete(path_of(user))
    assert get(api, path)["editor_id"] is None
    assert get(api, "/api/parts/", machine=machine["id"])[str(part["id"])]["editor_id"] is None


def test_nobody_deletes_themselves(api: httpx.Client, as_user: As) -> None:
    user = make_user(api, "admin")
    refused(as_user(user).delete(path_of(user)), 409)
    assert api.delete(path_of(user)).status_code == 204


# Keys


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_key_is_shown_once(server: Server, api: httpx.Client, as_user: As, slash: str) -> None:
    user = make_user(api)
    client = as_user(user)
    answer = client.put(f"/api/users/keys{slash}", json={"name": "phone"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made.keys() == {"id", "name", "user_id", "key"}
    assert (made["name"], made["user_id"]) == ("phone", user["id"])
    with server.client(made["key"]) as phone:
        assert get(phone, "/api/users/me") == user
    listed = get(client, f"/api/users/keys{slash}")[str(made["id"])]
    assert listed == {"id": made["id"], "name": "phone", "user_id": user["id"]}


@pytest.mark.parametrize("level", ["plan", "shop", "audit"])
def test_keys_for_oneself_whatever_is_said(api: httpx.Client, as_user: As, level: str) -> None:
    user, other = make_user(api, level), make_user(api, "admin")
    answer = as_user(user).put("/api/users/keys", json={"name": "phone", "user_id": other["id"]})
    assert (answer.status_code, answer.json()["user_id"]) == (201, user["id"])


def test_an_admin_makes_keys_for_anybody(api: httpx.Client) -> None:
    user = make_user(api, "machine")
    assert make_key(api, user)["user_id"] == user["id"]
    refused(api.put("/api/users/keys", json={"name": "x", "user_id": UNKNOWN}), 424, field="user_id")
    for body in ({}, {"name": ""}, {"name": None}, {"name": 5}):
        refused(api.put("/api/users/keys", json=body), 400, field="name")


def test_who_sees_which_keys(api: httpx.Client, as_user: As) -> None:
    user, other = make_user(api), make_user(api, "audit")
    mine, theirs = as_user(user), as_user(other)
    assert {each["user_id"] for each in get(mine, "/api/users/keys").values()} == {user["id"]}
    assert {each["user_id"] for each in get(theirs, "/api/users/keys").values()} == {other["id"]}
    assert {user["id"], other["id"]} <= {each["user_id"] for each in get(api, "/api/users/keys").values()}


@pytest.mark.parametrize("slash", ["", "/"])
def test_revoking_a_key(server: Server, api: httpx.Client, as_user: As, slash: str) -> None:
    user, client = make_user(api), as_user(make_user(api))
    key = make_key(api, user)
    assert refused(client.delete(f"/api/users/keys/{key['id']}{slash}"), 403)["allowed"] == ["admin"]
    with server.client(key["key"]) as its:
        answer = its.delete(f"/api/users/keys/{key['id']}{slash}")
        assert (answer.status_code, answer.content) == (204, b"")
        refused(its.get("/api/users/me"), 401)
    refused(api.delete(f"/api/users/keys/{key['id']}{slash}"), 404)
    refused(client.delete(f"/api/users/keys/{UNKNOWN}{slash}"), 404)
    assert api.delete(f"/api/users/keys/{make_key(api, user)['id']}").status_code == 204


def test_a_repeated_request_can_not_show_the_key_again(api: httpx.Client, as_user: As) -> None:
    client = as_user(make_user(api))
    headers = {"Idempotency-Key": unique("once")}
    first, second = (client.put("/api/users/keys", json={"name": "x"}, headers=headers) for _ in range(2))
    assert second.status_code == 201
    assert second.headers["idempotency-replayed"] == "true"
    assert first.json()["key"]
    assert second.json() == first.json() | {"key": None}
    assert client.get("/api/users/me").status_code == 200


# Passwords


def test_a_password_gives_a_key(server: Server, api: httpx.Client) -> None:
    user = make_user(api, password=PASSWORD)
    assert "password" not in user
    answer = log_in(server, user["username"].upper(), PASSWORD)
    assert answer.status_code == 201, answer.text
    assert answer.json()["user_id"] == user["id"]
    with server.client(answer.json()["key"]) as client:
        assert get(client, "/api/users/me") == user


@pytest.mark.parametrize("password", ["x" * 8, "x" * 200, "Größe 日本 🔩", " : : : : "])
def test_what_a_password_may_be(server: Server, api: httpx.Client, password: str) -> None:
    user = make_user(api, password=password)
    assert log_in(server, user["username"], password).status_code == 201


def test_a_wrong_password_or_user_is_401(server: Server, api: httpx.Client) -> None:
    user, without = make_user(api, password=PASSWORD), make_user(api)
    known = [log_in(server, user["username"], wrong) for wrong in (OTHER, "", PASSWORD + " ", PASSWORD.lower())]
    unknown = [log_in(server, "nobody", PASSWORD), log_in(server, "", ""), log_in(server, without["username"], "")]
    for answer in known + unknown:
        assert refused(answer, 401) == known[0].json()
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Basic", "Basic ä", "Basic !!!!", "Basic YQ", "Basic /w==", "Basic OmE=", "Digest x"]
)
def test_a_header_that_is_none_is_401(server: Server, header: str) -> None:
    with server.client(None) as nobody:
        headers = {b"Authorization": header.encode("latin-1")}
        refused(nobody.put("/api/users/keys", json={"name": "x"}, headers=headers), 401)


def test_a_password_opens_nothing_else(server: Server, api: httpx.Client) -> None:
    user = make_user(api, "admin", password=PASSWORD)
    with server.client(None) as nobody:
        for method, path in (("GET", "/api/users/keys"), ("GET", "/api/users/me"), ("PUT", "/api/users/")):
            refused(nobody.request(method, path, auth=(user["username"], PASSWORD)), 401)


def test_an_adapters_account_gets_no_key(server: Server, api: httpx.Client) -> None:
    user = make_user(api, "machine", password=PASSWORD)
    refused(log_in(server, user["username"], PASSWORD), 403)


def test_a_password_is_changed_and_removed(server: Server, api: httpx.Client, as_user: As) -> None:
    user = make_user(api, password=PASSWORD)
    assert as_user(user).patch(path_of(user), json={"password": OTHER}).status_code == 200
    refused(log_in(server, user["username"], PASSWORD), 401)
    assert log_in(server, user["username"], OTHER).status_code == 201
    api.patch(path_of(user), json={"favorite_machines": []})
    assert log_in(server, user["username"], OTHER).status_code == 201
    assert api.patch(path_of(user), json={"password": None}).status_code == 200
    refused(log_in(server, user["username"], OTHER), 401)
    kinds = [event["type"] for event in ledger(api, stream=f"user-{user['id']}")]
    assert kinds == ["UserCreated", "PasswordChanged", "PasswordChanged", "PasswordChanged"]


@pytest.mark.parametrize("password", ["short", "x" * 201, 5, []])
def test_a_password_that_is_none_is_400_and_changes_nothing(
    server: Server, api: httpx.Client, password: object
) -> None:
    user = make_user(api, password=PASSWORD)
    body = {"password": password, "access_level": "audit"}
    refused(api.patch(path_of(user), json=body), 400, field="password")
    assert get(api, path_of(user)) == user
    assert log_in(server, user["username"], PASSWORD).status_code == 201


def test_a_refused_edit_leaves_the_password(server: Server, api: httpx.Client) -> None:
    user = make_user(api, password=PASSWORD)
    refused(api.patch(path_of(user), json={"password": OTHER, "favorite_machines": [UNKNOWN]}), 424)
    refused(log_in(server, user["username"], OTHER), 401)
    assert log_in(server, user["username"], PASSWORD).status_code == 201


def test_two_passwords_at_once_leave_one(server: Server, api: httpx.Client) -> None:
    user = make_user(api)

    def change(password: str) -> httpx.Response:
        return api.patch(path_of(user), json={"password": password})

    answers = at_once(*(lambda password=f"password {each}": change(password) for each in range(6)))  # type: ignore[misc]
    assert [answer.status_code for answer in answers] == [200] * 6
    opens = [log_in(server, user["username"], f"password {each}").status_code for each in range(6)]
    assert sorted(opens) == [201] + [401] * 5
    assert passwords(server) == passwords(server, of_valid_users=True)


def test_a_repeated_change_is_written_once(server: Server, api: httpx.Client) -> None:
    user = make_user(api)
    headers = {"Idempotency-Key": unique("once")}
    answers = [api.patch(path_of(user), json={"password": PASSWORD}, headers=headers) for _ in range(2)]
    assert [answer.json() for answer in answers] == [user, user]
    assert answers[1].headers["idempotency-replayed"] == "true"
    refused(api.patch(path_of(user), json={"password": OTHER}, headers=headers), 422)
    assert log_in(server, user["username"], PASSWORD).status_code == 201


def test_an_unknown_name_takes_as_long_as_a_wrong_password(server: Server, api: httpx.Client) -> None:
    user = make_user(api, password=PASSWORD)

    def seconds(name: str) -> float:
        began = time.perf_counter()
        refused(log_in(server, name, OTHER), 401)
        return time.perf_counter() - began

    pairs = [(seconds(user["username"]), seconds("nobody")) for _ in range(9)]
    known, unknown = (statistics.median(each) for each in zip(*pairs, strict=True))
    assert 0.25 < known / unknown < 4, (known, unknown)


def test_others_are_served_while_passwords_are_compared(server: Server, api: httpx.Client) -> None:
    """Argon2 runs in threads: what is asked meanwhile doesn't wait for all of them."""
    user = make_user(api, password=PASSWORD)

    def guess() -> httpx.Response:
        return log_in(server, user["username"], OTHER)

    waited: list[float] = []

    def read() -> httpx.Response:
        for _ in range(20):
            began = time.perf_counter()
            answer = api.get("/api/users/me")
            waited.append(time.perf_counter() - began)
        return answer

    began = time.perf_counter()
    answers = at_once(*[guess] * 16, read)
    assert [each.status_code for each in answers] == [401] * 16 + [200]
    assert statistics.median(waited) < (time.perf_counter() - began) / 4


# Secrets


def passwords(server: Server, *, of_valid_users: bool = False) -> int:
    """Hashes that are kept, or users who have a password."""
    with closing(sqlite3.connect(server.data / "credentials.db")) as db:
        kept = db.execute("SELECT count(*) FROM passwords").fetchone()[0]
    if not of_valid_users:
        return int(kept)
    with server.client(server.admin_key) as api:
        last: dict[str, object] = {}
        for event in ledger(api):
            if event["type"] == "PasswordChanged":
                last[event["stream"]] = event["data"]["password_id"]
            elif event["type"] == "UserDeleted":
                last.pop(event["stream"], None)
    return len([each for each in last.values() if each])


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """What is on the disk then is all that there is."""
    server.stop()
    yield
    server.start()


def test_secrets_appear_nowhere(fresh: Server) -> None:
    secrets = [PASSWORD, OTHER, "Wrong-Guess-9", "tiny", fresh.admin_key]
    shown = ""
    with fresh.client(fresh.admin_key) as api:
        once = {"Idempotency-Key": "once"}
        body = {"username": "anna", "access_level": "shop", "password": PASSWORD}
        user = api.put("/api/users/", json=body, headers=once).json()
        key = log_in(fresh, "anna", PASSWORD).json()["key"]
        secrets += [key, api.put("/api/users/keys", json={"name": "x"}).json()["key"]]
        with fresh.client(key) as own:
            answers = [
                own.patch(path_of(user), json={"password": OTHER, "username": "x"}),
                own.patch(path_of(user), json={"password": "tiny"}),
                own.get("/api/users/me"),
                own.get("/api/users/keys"),
            ]
        answers += [
            log_in(fresh, "anna", "Wrong-Guess-9"),
            api.put("/api/users/", json=body),
            api.put("/api/users/", json=body | {"username": 5}),
            api.get("/api/users/"),
            api.get("/api/users/keys"),
            api.get("/api/events/", params={"limit": 1_000}),
            api.get("/metrics"),
        ]
        shown = "".join(answer.text for answer in answers)
        assert "argon2" not in shown
    with stopped(fresh):
        files = [each for each in fresh.data.rglob("*") if each.is_file() and each.suffix != ".key"]
        names = {each.name for each in files}
        assert {"ledger.db", "credentials.db"} <= names
        assert any("readmodel" in str(each) for each in files)
        held = {str(each): each.read_bytes() for each in files}
    held["what was shown"] = shown.encode()
    held["the log"] = fresh.whole_log.encode()
    assert [(name, secret) for name, data in held.items() for secret in secrets if secret.encode() in data] == []
    argon2 = [name for name, data in held.items() if b"$argon2" in data]
    assert [Path(name).name for name in argon2] == ["credentials.db"]


def test_the_fingerprint_of_a_body_with_a_password_can_not_be_guessed_from(fresh: Server) -> None:
    """An idempotency key keeps a hash of the body in the ledger. A plain one would betray a short password."""
    text = '{"username":"anna","access_level":"shop","password":"12345678"}'
    headers = {"Idempotency-Key": "once", "Content-Type": "application/json"}
    with fresh.client(fresh.admin_key) as api:
        assert api.put("/api/users/", content=text, headers=headers).status_code == 201
    plain = hashlib.sha256(f"PUT /api/users\n{text}".encode()).hexdigest()
    bare = hashlib.sha256(text.encode()).hexdigest()
    with stopped(fresh):
        data = (fresh.data / "ledger.db").read_bytes()
    assert b"body_sha256" in data
    assert plain.encode() not in data
    assert bare.encode() not in data


def test_of_two_who_edit_at_once_one_is_told(api: httpx.Client) -> None:
    user = make_user(api)
    seen = api.get(path_of(user)).headers["etag"]
    first, second = unique("first"), unique("second")
    assert api.patch(path_of(user), json={"username": first}, headers={"If-Match": seen}).status_code == 200
    refused(api.patch(path_of(user), json={"username": second}, headers={"If-Match": seen}), 412)
    refused(api.delete(path_of(user), headers={"If-Match": seen}), 412)
    assert get(api, path_of(user))["username"] == first


def test_users_keys_and_passwords_survive_a_restart(fresh: Server) -> None:
    with fresh.client(fresh.admin_key) as api:
        user = make_user(api, password=PASSWORD)
        gone = make_user(api, password=OTHER)
        key, revoked = make_key(api, user), make_key(api, user)
        api.delete(f"/api/users/keys/{revoked['id']}")
        api.delete(path_of(gone))
    fresh.restart()
    with fresh.client(key["key"]) as client:
        assert get(client, "/api/users/me") == user
        assert len(get(client, "/api/users/keys")) == 1
    with fresh.client(revoked["key"]) as client:
        refused(client.get("/api/users/me"), 401)
    assert log_in(fresh, user["username"], PASSWORD).status_code == 201
    refused(log_in(fresh, gone["username"], OTHER), 401)
    assert passwords(fresh) == 1


def test_a_flood_of_passwords_is_turned_away(fresh: Server) -> None:
    """Nobody waits behind thousands of guesses, and the server goes on answering."""
    with fresh.client(None) as client, fresh.client(fresh.admin_key) as api:

        def guess() -> httpx.Response:
            return client.put("/api/users/keys", json={"name": "x"}, auth=("admin", "a wrong password"))

        answers = at_once(*[guess] * 120)
        assert {answer.status_code for answer in answers} == {401, 429}
        assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 429)
        assert api.get("/api/users/me").status_code == 200
        assert guess().status_code == 401
