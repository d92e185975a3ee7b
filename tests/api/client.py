"""What the tests of the API say over and over: a server, a machine, a program, an update, facts of an edge."""

import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

Json = dict[str, Any]
Fact = tuple[str, Json, float]
"""Its type, its data, and when it happened."""

BATCH = "application/cloudevents-batch+json"
SINGLE = "application/cloudevents+json"
UNKNOWN = 987_654
"""An ID that nothing has."""
DAY = 86_400.0
_numbers = itertools.count(1)


class Server:
    """`taktledger serve` on a data directory of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.admin_key = secrets.token_hex(32)
        self.url = ""
        self._log = data.with_name(data.name + ".stderr")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def edge_key(self) -> str:
        return (self.data / "edge.key").read_text().strip()

    def start(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        serve = [sys.executable, "-m", "taktledger", "serve", "--host", "127.0.0.1", "--port", str(port)]
        environment = os.environ | {"TAKTLEDGER_ADMIN_KEY": self.admin_key}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*serve, "--data", str(self.data)], env=environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 30
        while not self.is_ready():
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended with {self._process.returncode}:\n{self.log}")
            if time.monotonic() > deadline:
                self._kill()
                raise AssertionError(f"the server is not ready after 30 s:\n{self.log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it as a service manager does. It has 5 s, and ends without an error."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(5)
        except subprocess.TimeoutExpired:
            self._process = process
            self._kill()
            raise AssertionError(f"the server still runs 5 s after SIGTERM:\n{self.log}") from None
        assert code == 0, f"the server ended with {code}:\n{self.log}"

    def restart(self) -> None:
        self.stop()
        self.start()

    def client(self, key: str | None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    @property
    def log(self) -> str:
        return self.whole_log[-8_000:]

    @property
    def whole_log(self) -> str:
        return self._log.read_text(errors="replace")

    def is_ready(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/ready", timeout=5, trust_env=False).status_code == 200
        return False

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def at(moment: str) -> float:
    """UNIX seconds of a moment in UTC: `at("2024-05-03T10:00")`."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()


def unique(kind: str) -> str:
    """A name that nothing has yet."""
    return f"{kind}-{next(_numbers)}"


def make_machine(api: httpx.Client, **fields: Any) -> Json:
    return _made(api.put("/api/machines/", json={"name": unique("mill")} | fields))


def make_program(api: httpx.Client, machine: Json, **fields: Any) -> Json:
    return _made(api.put("/api/programs/", json={"filename": unique("O"), "machine_id": machine["id"]} | fields))


def make_process(api: httpx.Client, machine: Json, **fields: Any) -> Json:
    return _made(api.put("/api/processes/", json={"name": unique("process"), "machine_id": machine["id"]} | fields))


def make_user(api: httpx.Client, access_level: str = "shop", **fields: Any) -> Json:
    return _made(api.put("/api/users/", json={"username": unique("user"), "access_level": access_level} | fields))


def make_key(api: httpx.Client, user: Json | None = None, name: str = "a key") -> Json:
    """A key for this user, or for whose client it is."""
    whose = {"user_id": user["id"]} if user else {}
    return _made(api.put("/api/users/keys", json={"name": name} | whose))


def _made(answer: httpx.Response) -> Json:
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def report(api: httpx.Client, machine: Json, **update: Any) -> httpx.Response:
    """A machine update that is accepted. `when` is its timestamp."""
    if "when" in update:
        update["timestamp"] = update.pop("when")
    answer = api.post(f"/api/machines/{machine['id']}/update", json=update)
    assert answer.is_success, answer.text
    return answer


def machine_of(api: httpx.Client, machine: Json) -> Json:
    return get(api, f"/api/machines/{machine['id']}")


def program_of(api: httpx.Client, program: Json) -> Json:
    return get(api, f"/api/programs/{program['id']}")


def parts_of(api: httpx.Client, machine: Json) -> list[Json]:
    """The parts that a machine made, as they were counted."""
    parts = get(api, "/api/parts/", machine=machine["id"])
    return sorted(parts.values(), key=lambda part: part["id"])


def alerts_of(api: httpx.Client, machine: Json) -> list[Json]:
    return [alert for alert in get(api, "/api/alerts/").values() if alert["machine_id"] == machine["id"]]


def get(api: httpx.Client, path: str, **query: Any) -> Json:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


_known: dict[tuple[str, str], list[Json]] = {}
"""Who asked which server -> the events that it has told. It only ever has more."""


def ledger(api: httpx.Client, **query: Any) -> list[Json]:
    """All events that match, page by page. What is known already isn't asked for again."""
    asker = str(api.base_url), api.headers.get("authorization", "")
    events: list[Json] = [] if query else _known.setdefault(asker, [])
    after: int | None = events[-1]["position"] if events else 0
    while after is not None:
        page = get(api, "/api/events/", after=after, limit=1_000, **query)
        events += page["events"]
        after = page["next_after"]
    return list(events)


def written(api: httpx.Client) -> list[Json]:
    """All that people and machines brought about. What the ledger notices by itself may come at any moment."""
    return [event for event in ledger(api) if event["actor"] != "system"]


def refused(answer: httpx.Response, *status: int, field: str | None = None) -> Json:
    """Checks an error: its status, and that it is a problem that can be shown to a user."""
    assert answer.status_code in status, f"{answer.status_code}: {answer.text}"
    assert "json" in answer.headers["content-type"]
    problem: Json = answer.json()
    assert problem.keys() >= {"type", "title", "status", "detail", "instance", "error"}, problem
    assert problem["status"] == answer.status_code
    assert isinstance(problem["error"], str)
    assert problem["error"]
    if field is not None:
        assert problem.get("field") == field, problem
    return problem


def at_once(*calls: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Sends requests in the same moment."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


# Facts of an edge


class Spool:
    """The spool of one machine at the edge: it numbers facts and sends them."""

    def __init__(self, edge: httpx.Client, machine: Json | str) -> None:
        self.edge = edge
        self.machine = machine if isinstance(machine, str) else machine["source_name"]
        self.source = f"{uuid4().hex}/{self.machine}"
        self.last = 0

    def events(self, *facts: Fact) -> list[Json]:
        """Facts as CloudEvents, with the next sequences."""
        events = []
        for kind, data, when in facts:
            self.last += 1
            events.append(
                {
                    "specversion": "1.0",
                    "id": f"{self.source}/{self.last}",
                    "source": self.source,
                    "type": kind,
                    "subject": self.machine,
                    "time": datetime.fromtimestamp(when, UTC).isoformat().replace("+00:00", "Z"),
                    "sequence": str(self.last),
                    "datacontenttype": "application/json",
                    "data": data,
                }
            )
        return events

    def send(self, *facts: Fact) -> Json:
        answer = post_events(self.edge, self.events(*facts))
        assert answer.status_code == 200, answer.text
        stored: Json = answer.json()
        return stored


def facts(edge: httpx.Client, machine: Json | str, *happened: Fact) -> Json:
    """What a new spool of this machine has to tell."""
    return Spool(edge, machine).send(*happened)


def post_events(edge: httpx.Client, events: Any) -> httpx.Response:
    kind = SINGLE if isinstance(events, dict) else BATCH
    return edge.post("/api/events", json=events, headers={"Content-Type": kind})


def cycle(when: float, reading: int = 1, cycles: int = 1, **data: Any) -> Fact:
    return "CyclesSeen", {"cycles": cycles, "counters": {"part_count": {"value": reading}}} | data, when


def baseline(when: float, reading: int = 0) -> Fact:
    return "BaselineSeen", {"counters": {"part_count": {"value": reading}}}, when


def program_seen(when: float, program: str) -> Fact:
    return "ProgramSeen", {"program": program}, when


def variables_seen(when: float, **variables: float) -> Fact:
    """Variables by number: `variables_seen(t, v500=7)`."""
    return "VariablesSeen", {"variables": {name.removeprefix("v"): value for name, value in variables.items()}}, when
