"""Golden cases: each directory in `cases/` with a `config.toml` is one. A new case needs no code.

`config.toml` has one machine. `polls.json` is a list of polls: `at` (seconds, default one more than before), `asks` (in
this order: the target of a GET, and the file with the answer, with the HTTP status in front if it isn't 200; a file
is one of the case or of `cases/probes`), `new_edge` (true: the edge is a new process, with what the old one kept).
`expected.json` is what each poll makes: its facts, each with its time, or the error as text; a device that does not
answer is an error after the facts. `profile.json` is the machine's profile, if it isn't the usual one.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.mtconnect.agents import serving
from takt_adapters.adapter import AdapterError, believed
from takt_adapters.builtin import installed_adapters
from taktledger.config import load_config
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.profile import Profile

CASES = sorted(path.parent for path in Path(__file__).parent.glob("cases/*/config.toml"))
START = 1000.0


class Recorded:
    """Answers as it is written down, and minds when it is asked something else."""

    def __init__(self, case: Path) -> None:
        self.case = case
        self.asks: list[tuple[str, str]] = []

    async def __call__(self, target: str, _: asyncio.StreamWriter) -> tuple[int, bytes]:
        expected, answer = self.asks.pop(0) if self.asks else ("nothing", "")
        if target != expected:
            self.asks = [("", f"asked for {target} instead of {expected}")]
            return 500, b""
        status, _, file = answer.rpartition(" ")
        path = self.case / file
        return int(status or 200), (path if path.exists() else self.case.parent / "probes" / file).read_bytes()


async def play(case: Path) -> list[Any]:
    kinds = installed_adapters()
    (machine,) = load_config(case / "config.toml", kinds).machines
    profile = Profile()
    if (case / "profile.json").exists():
        profile = msgspec.json.decode((case / "profile.json").read_bytes(), type=Profile)
    recorded, now, made = Recorded(case), START - 1, []
    async with serving(recorded) as port:
        settings = msgspec.structs.replace(machine.settings, url=f"http://127.0.0.1:{port}")

        def new_edge() -> Any:
            (adapter,) = kinds[machine.adapter].make([settings], lambda: now)
            return adapter

        adapter, state, connected = new_edge(), DetectorState(), False
        for poll in json.loads((case / "polls.json").read_text()):
            now = START + poll["at"] if "at" in poll else now + 1
            if poll.get("new_edge"):
                await adapter.close()
                adapter, connected = new_edge(), False
            recorded.asks = [tuple(each) for each in poll["asks"]]
            said: list[Any] = []
            try:
                if not connected:
                    await adapter.connect(state.mark)
                    connected = True
                reports = [believed(each) for each in await adapter.poll()]
                for report in reports:
                    last = state.run.seen_at
                    at = now if last is None else min(max(now - report.age_seconds, last), now)
                    state, facts = detect(profile, state, report.update, at, adapter.counter_bits, report.lost)
                    state = msgspec.structs.replace(state, mark=report.mark or state.mark)
                    said += [{"at": round(at, 3), **msgspec.to_builtins(fact)} for fact in facts]
                if not reports[-1].update.success:
                    raise AdapterError("the control does not answer")
            except AdapterError as error:
                await adapter.close()
                connected = False
                said.append(str(error).replace(settings.url, "AGENT"))
            assert recorded.asks == [], said
            made.append(said)
        await adapter.close()
    return json.loads(msgspec.json.encode(made))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path) -> None:
    assert asyncio.run(play(case)) == json.loads((case / "expected.json").read_text())


def test_there_are_enough() -> None:
    assert len(CASES) >= 12
