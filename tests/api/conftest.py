"""A real server, and clients with each kind of key.

Modules share one, for names are unique and every test makes its own machines. What begins with nothing, is started
again, or may do harm has a `fresh` one. The end of each is a test too: SIGTERM, 5 s, exit code 0.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from api.client import Server, make_key, make_user

LEVELS = ("plan", "shop", "audit", "machine")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """The server that modules share comes last. Those before it were broken by a test."""
    servers: list[Server] = []
    with ExitStack() as stops:
        yield servers
        for server in servers:
            stops.callback(server.stop)


@pytest.fixture(scope="module")
def server(shared: list[Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The shared server, or a new one if a test of an earlier module broke it."""
    if not shared or not shared[-1].is_ready():
        shared.append(Server(tmp_path_factory.mktemp("api") / "data"))
        shared[-1].start()
    return shared[-1]


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for one test alone."""
    server = Server(tmp_path_factory.mktemp("api") / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def api(server: Server) -> Iterator[httpx.Client]:
    """With the administrator's key."""
    with server.client(server.admin_key) as client:
        yield client


@pytest.fixture(scope="module")
def edge(server: Server) -> Iterator[httpx.Client]:
    """With the key of level `machine` that the server makes for its edge."""
    with server.client(server.edge_key) as client:
        yield client


@pytest.fixture(scope="module")
def anonymous(server: Server) -> Iterator[httpx.Client]:
    """Without a key."""
    with server.client(None) as client:
        yield client


@pytest.fixture(scope="module")
def who(server: Server, api: httpx.Client) -> Iterator[dict[str, httpx.Client]]:
    """Somebody of each level."""
    with ExitStack() as stack:
        keys = {level: make_key(api, make_user(api, level))["key"] for level in LEVELS}
        clients = {level: stack.enter_context(server.client(key)) for level, key in keys.items()}
        yield {"admin": api, **clients}


@pytest.fixture
def options(api: httpx.Client) -> Iterator[httpx.Client]:
    """For a test that changes options: they are put back after it."""
    before = api.get("/api/options/").json()
    yield api
    assert api.patch("/api/options/", json=before).status_code == 200
    assert api.get("/api/options/").json() == before
