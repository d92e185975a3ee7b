"""Golden cases: each directory in `cases/` is one. A new case needs no code.

`config.toml` has one machine. `polls.json` is a list: what changes before each poll. `at` (seconds, default one more
than before), `holding`, `input`, `coil`, `discrete` (address -> values from there on), `answer` (the device says these
bytes from now on, function code first, in hex; null: it is honest again). `expected.json` is what each poll makes: its
facts, or the error as text. `profile.json` is the machine's profile, if it isn't the usual one.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from takt_adapters.adapter import AdapterError, believed
from takt_adapters.builtin import installed_adapters
from taktledger.config import load_config
from taktledger.shopfloor.detector import DetectorState, detect
from taktledger.shopfloor.profile import Profile

CASES = sorted(path.parent for path in Path(__file__).parent.glob("cases/*/config.toml"))


async def play(case: Path, device: Any) -> list[Any]:
    kinds = installed_adapters()
    (machine,) = load_config(case / "config.toml", kinds).machines
    profile = Profile()
    if (case / "profile.json").exists():
        profile = msgspec.json.decode((case / "profile.json").read_bytes(), type=Profile)
    now = 1000.0
    settings = msgspec.structs.replace(machine.settings, port=device.port)
    (adapter,) = kinds[machine.adapter].make([settings], lambda: now)
    state, connected, made = DetectorState(), False, []
    for poll in json.loads((case / "polls.json").read_text()):
        now = 1000.0 + poll["at"] if "at" in poll else now + 1
        for register in ("holding", "input", "coil", "discrete"):
            for address, values in poll.get(register, {}).items():
                await device.set(register, int(address), values)
        if "answer" in poll:
            device.answer = bytes.fromhex(poll["answer"]) if poll["answer"] else None
        try:
            if not connected:
                await adapter.connect(state.mark)
                connected = True
            (report,) = map(believed, await adapter.poll())
        except AdapterError as error:
            await adapter.close()
            connected = False
            made.append(str(error))
        else:
            facts = []
            if report.update is not None:
                state, facts = detect(profile, state, report.update, now, adapter.counter_bits)
            made.append(json.loads(msgspec.json.encode(facts)))
    await adapter.close()
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, modbus_device: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
    async def main() -> list[Any]:
        async with modbus_device() as device:
            return await play(case, device)

    assert asyncio.run(main()) == json.loads((case / "expected.json").read_text())
