"""Golden cases: each directory in `cases/` is one. A new case needs no code.

`config.toml` has one machine. `steps.json` is a list: what a real server does before each poll. `at` (seconds, default
one more than before), `write` (node -> value, or a table with `value`, `type`, `status`, `at`: seconds of the source
timestamp, null for none, default when it is written), a list of such for what happens one after the other, `restart`
(the server starts anew), `away` (it can't be reached during this poll).
`expected.json` is what each poll makes: its facts, or the error as text. Times are rounded to whole seconds.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asyncua import ua

from adapters.opcua.machine import VALUES, Machine
from takt_adapters.adapter import Adapter, AdapterError, believed
from takt_adapters.builtin import installed_adapters
from taktledger.config import load_config
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.facts import Fact
from taktledger.shopfloor.profile import Profile

CASES = sorted(path.parent for path in Path(__file__).parent.glob("cases/*/config.toml"))


class Play:
    """One case. Its clock goes faster than ours, and the server's source timestamps go with it."""

    def __init__(self, case: Path, machine: Machine, settled: Callable[[Adapter], Awaitable[None]]) -> None:
        self.case, self.machine, self._settled = case, machine, settled
        self.now = 1000.0
        self.began = datetime.now(UTC) - timedelta(seconds=self.now)
        kinds = installed_adapters()
        (config,) = load_config(case / "config.toml", kinds).machines
        settings = msgspec.structs.replace(config.settings, url=machine.url)
        self.adapter: Adapter
        (self.adapter,) = kinds[config.adapter].make([settings], lambda: self.now)
        self.profile = Profile()
        if (case / "profile.json").exists():
            self.profile = msgspec.json.decode((case / "profile.json").read_bytes(), type=Profile)
        self.state = DetectorState()
        self.is_connected = False

    async def run(self) -> list[Any]:
        made = []
        try:
            for step in json.loads((self.case / "steps.json").read_text()):
                self.now = 1000.0 + step["at"] if "at" in step else self.now + 1
                await self._prepare(step)
                made.append(await self._poll())
                if step.get("away"):
                    self.machine.start(anew=False)
        finally:
            await self.adapter.close()
        return made

    async def _prepare(self, step: dict[str, Any]) -> None:
        if step.get("restart") or step.get("away"):
            self.machine.stop()
        writes = step.get("write", [])
        for values in writes if isinstance(writes, list) else [writes]:
            self.machine.run(self.machine.write_all({name: self._value(name, each) for name, each in values.items()}))
        if step.get("restart"):
            self.machine.start()
        await self._settled(self.adapter)

    def _value(self, name: str, each: Any) -> ua.DataValue:
        said = each if isinstance(each, dict) else {"value": each}
        at = said.get("at", self.now - 1000.0)
        status = str(said.get("status", "Good"))
        return ua.DataValue(
            ua.Variant(
                float(said["value"]) if said.get("type") in ("Float", "Double") else said.get("value"),
                ua.VariantType[said.get("type", VALUES[name][0])],
            ),
            ua.StatusCode(int(status, 16) if status.startswith("0x") else getattr(ua.StatusCodes, status)),
            SourceTimestamp=None if at is None else self.began + timedelta(seconds=1000.0 + at),
        )

    async def _poll(self) -> Any:
        try:
            if not self.is_connected:
                await self.adapter.connect(self.state.mark)
                self.is_connected = True
            facts: list[Fact] = []
            state = self.state
            for report in [believed(each) for each in await self.adapter.poll()]:
                if report.update is None:
                    continue
                at = max(state.run.seen_at or 0.0, round(self.now - report.age_seconds))
                state, found = detect(self.profile, state, report.update, at, self.adapter.counter_bits, report.lost)
                state = msgspec.structs.replace(state, mark=report.mark or state.mark)
                facts += found
        except AdapterError as error:
            await self.adapter.close()
            self.is_connected = False
            return str(error).replace(f":{self.machine.port}", ":PORT")
        self.state = state
        return json.loads(msgspec.json.encode(facts))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, machine: Machine, settled: Any) -> None:
    made = asyncio.run(Play(case, machine, settled).run())
    assert made == json.loads((case / "expected.json").read_text())
