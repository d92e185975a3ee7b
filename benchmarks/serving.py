"""HTTP through the real server, against a Litestar hello on the same granian, and lists against bare granian sending
the same bytes. Loaded by `wrk` with 32 connections."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from benchmarks.measure import Figure, Side, against, in_turn
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.processes import CreateProcess, create_process
from taktledger.domain.programs import CreateProgram, create_program
from taktledger.domain.tools.tool import CreateTool, create_tool
from taktledger.ledger.writer import Request, Step
from taktledger.main import close_backend, open_backend

ROUNDS, SECONDS, CONNECTIONS, PROCESSES, PROGRAMS, TOOLS = 3, 3, 32, 1_000, 5, 1_000
KEY = "benchmark-key-that-nobody-else-has"
HELLO = """
import sys, uvloop
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, get

@get("/", sync_to_thread=False)
def hello() -> dict[str, str]:
    return {"hello": "world"}

server = Server(Litestar([hello]), port=int(sys.argv[1]), interface=Interfaces.ASGI, websockets=False)
uvloop.run(server.serve())
"""
BARE = """
import sys, uvloop
from pathlib import Path
from granian.constants import Interfaces
from granian.server.embed import Server

body = Path(sys.argv[2]).read_bytes()
headers = [("content-type", "application/json")]

async def app(scope, protocol):
    protocol.response_bytes(200, headers, body)

server = Server(app, port=int(sys.argv[1]), interface=Interfaces.RSGI, websockets=False)
uvloop.run(server.serve())
"""
PUT = """
local number = 0
request = function()
  number = number + 1
  local body = string.format('{"machine_id": 2, "filename": "%s-%d.NC"}', "ROUND", number)
  return wrk.format("PUT", "/api/programs/", nil, body)
end
"""


def http(scratch: Path) -> list[Figure]:
    if shutil.which("wrk") is None:
        print("http: left out, there is no wrk (apt-get install wrk)", file=sys.stderr)
        return []
    data = scratch / "http"
    _furnish(data)
    ports = _free_port(), _free_port(), _free_port(), _free_port()
    serve = [sys.executable, "-m", "taktledger", "serve", "--data", str(data), "--port", str(ports[0])]
    ours, hello, bare, bare_tools = (f"http://127.0.0.1:{port}" for port in ports)
    listed = f"{ours}/api/processes/?programs=1"
    with ExitStack() as running:
        running.enter_context(_running(serve, ports[0], "/health/live"))
        running.enter_context(_running([sys.executable, "-c", HELLO, str(ports[1])], ports[1], "/"))
        same = scratch / "list.json"
        same.write_bytes(httpx.get(listed, headers={"Authorization": f"Bearer {KEY}"}).content)
        running.enter_context(_running([sys.executable, "-c", BARE, str(ports[2]), str(same)], ports[2], "/"))
        lists = in_turn({"bare": lambda: _load(bare), "list": lambda: _load(listed)}, ROUNDS)
        tools = scratch / "tools.json"
        tools.write_bytes(httpx.get(f"{ours}/api/tools/", headers={"Authorization": f"Bearer {KEY}"}).content)
        running.enter_context(_running([sys.executable, "-c", BARE, str(ports[3]), str(tools)], ports[3], "/"))
        tool_lists = in_turn({"bare": lambda: _load(bare_tools), "list": lambda: _load(f"{ours}/api/tools/")}, ROUNDS)
        sides: dict[str, Side] = {
            "hello": lambda: _load(hello),
            "GET one process": lambda: _load(f"{ours}/api/processes/500"),
            "GET one program": lambda: _load(f"{ours}/api/programs/500"),
            "PUT a program, durable": lambda: _load(f"{ours}/api/programs/", _script(scratch)),
        }
        rates = in_turn(sides, ROUNDS)
    megabytes = same.stat().st_size / 1e6
    return [
        Figure(
            what=f"GET a list of {PROCESSES:,} processes with {PROGRAMS} programs each, {megabytes:.1f} MB",
            ours=lists["list"],
            compared_to="bare granian sending the same bytes",
            other=lists["bare"],
            target=">= 0.5",
        ),
        Figure(
            what=f"GET a list of {TOOLS:,} tools, {tools.stat().st_size / 1e6:.1f} MB",
            ours=tool_lists["list"],
            compared_to="bare granian sending the same bytes",
            other=tool_lists["bare"],
            target=">= 0.5",
        ),
        *against("hello", rates, f"{{}}, {CONNECTIONS} connections", "a Litestar hello", {"GET one process": ">= 0.6"}),
    ]


def _furnish(data: Path) -> None:
    steps = [Step(decide=create_machine, command=CreateMachine(name=name)) for name in ("mill", "lathe")]
    for number in range(1, PROCESSES + 1):
        process = CreateProcess(machine_id=1, name=f"Flange {number}", description="Second side")
        steps.append(Step(decide=create_process, command=process))
        for side in range(PROGRAMS):
            command = CreateProgram(machine_id=1, filename=f"O{number}-{side}.NC", process_id=number)
            steps.append(Step(decide=create_program, command=command))
    steps += [
        Step(decide=create_tool, command=CreateTool(name=f"Insert {each}", part_life=500)) for each in range(TOOLS)
    ]
    backend = open_backend(data)
    backend.writer.write([Request(steps=steps, actor="user-1")])
    close_backend(backend)


def _script(scratch: Path) -> Path:
    path = scratch / "put.lua"
    path.write_text(PUT.replace("ROUND", str(time.monotonic_ns())))
    return path


def _load(url: str, script: Path | None = None) -> float:
    """Requests a second. All must have been answered 2xx."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", f"Authorization: Bearer {KEY}"]
    command += ["-H", "Content-Type: application/json", *(["-s", str(script)] if script else []), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if rate is None or "Non-2xx" in said:
        raise RuntimeError(f"wrk on {url}: {said}")
    return float(rate[1])


@contextmanager
def _running(command: list[str], port: int, path: str) -> Iterator[None]:
    path_of_ours = os.pathsep.join(each for each in sys.path if each)
    environment = {**os.environ, "PYTHONPATH": path_of_ours, "TAKTLEDGER_ADMIN_KEY": KEY}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    try:
        for _ in range(200):
            time.sleep(0.1)
            try:
                httpx.get(f"http://127.0.0.1:{port}{path}").raise_for_status()
                break
            except httpx.TransportError:
                continue
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
