"""The registers of a simulated control, and the settings that tell an edge to read them.

Both come from the addresses below, so they can't say different things.
"""

import struct
from collections.abc import Iterator

from msgspec import Struct

from taktledger.demo.control import STATES, Control
from taktledger.demo.servers.server import HOST
from taktledger.demo.specs import ALARMS, DIAMETER, PROGRAM_SELECT, SPINDLE_LOAD, MachineSpec

UNIT = 1

# Input registers.
CYCLE_STATE, OVERRIDE, TOOL, HEARTBEAT, PROGRAM, VARIABLES = 0, 1, 2, 3, 10, 30
PROGRAM_REGISTERS = 16
VARIABLE_ADDRESSES = {DIAMETER: VARIABLES, SPINDLE_LOAD: VARIABLES + 2}
SCALE = 0.001
"""Measured variables are whole thousandths."""
SELECTED = VARIABLES + 2 * len(VARIABLE_ADDRESSES)
"""`PROGRAM_SELECT`, on a machine with a main program."""
# Holding registers.
PART_COUNT = 100
# Discrete inputs.
ESTOPPED, FIRST_ALARM = 0, 1
# Coils.
HOLD = 0


READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
WRITE_COIL, WRITE_COILS = 5, 15
"""Function codes."""


class Image(Struct, frozen=True, kw_only=True):
    """All that a control shows at one moment, in words of 16 bits. Every list starts at address 0."""

    coils: list[int]
    discrete: list[int]
    """Bit 0 is address 0."""
    input: list[int]
    holding: list[int]

    def of(self, function: int) -> list[int]:
        """What a request with this function code may read."""
        areas = {
            READ_COILS: self.coils,
            READ_DISCRETE: self.discrete,
            READ_HOLDING: self.holding,
            READ_INPUT: self.input,
        }
        return areas.get(function, [])


def image_of(control: Control, heartbeat: int) -> Image:
    """What the registers of this control read now."""
    discrete = control.estopped << ESTOPPED
    for address, alarm in enumerate(ALARMS, start=FIRST_ALARM):
        discrete |= (control.alarm is alarm) << address
    inputs = [0] * (SELECTED + 1)
    inputs[CYCLE_STATE] = STATES.index(control.cycle_state)
    inputs[OVERRIDE] = control.feed_rate_override
    inputs[TOOL] = control.active_tool
    inputs[HEARTBEAT] = heartbeat % 2**16
    name = control.program_name.encode().ljust(2 * PROGRAM_REGISTERS, b"\0")
    inputs[PROGRAM : PROGRAM + PROGRAM_REGISTERS] = _words(name)
    for number, address in VARIABLE_ADDRESSES.items():
        inputs[address : address + 2] = _words(struct.pack(">i", round(control.variables[number] / SCALE)))
    inputs[SELECTED] = round(control.variables.get(PROGRAM_SELECT, 0))
    counter = _words(struct.pack(">H" if control.machine.counter_bits == 16 else ">I", control.counter))
    coils = [control.held << HOLD]
    return Image(coils=coils, discrete=[discrete], input=inputs, holding=[0] * PART_COUNT + counter)


def _words(data: bytes) -> list[int]:
    return list(struct.unpack(f">{len(data) // 2}H", data))


def settings(machine: MachineSpec, port: int) -> Iterator[str]:
    """The lines of its table in `shop.toml`."""
    states = ", ".join(f'{code} = "{name}"' for code, name in enumerate(STATES))
    at = "machine.modbus"
    yield from (f"[{at}]", f'host = "{HOST}"', f"port = {port}", f"unit = {UNIT}")
    yield from _value(f"{at}.values.part_count", "holding", PART_COUNT, f"uint{machine.counter_bits}")
    yield from _value(f"{at}.values.cycle_state", "input", CYCLE_STATE, "uint16")
    yield f"map = {{ {states} }}"
    yield from _value(f"{at}.values.program_name", "input", PROGRAM, "string")
    yield f"length = {PROGRAM_REGISTERS}"
    yield from _value(f"{at}.values.feed_rate_override", "input", OVERRIDE, "uint16")
    yield from _value(f"{at}.values.active_tool", "input", TOOL, "uint16")
    yield from _value(f"{at}.values.estopped", "discrete", ESTOPPED, "bool")
    for number, address in VARIABLE_ADDRESSES.items():
        yield from _value(f"{at}.variables.{number}", "input", address, "int32")
        yield f"scale = {SCALE}"
    if machine.main_program is not None:
        yield from _value(f"{at}.variables.{PROGRAM_SELECT}", "input", SELECTED, "uint16")
    for address, alarm in enumerate(ALARMS, start=FIRST_ALARM):
        yield from (f"[[{at}.alarms]]", 'register = "discrete"', f"address = {address}")
        yield from (f'code = "{alarm.code}"', f'type = "{alarm.text}"')
    yield from (f"[{at}.heartbeat]", 'register = "input"', f"address = {HEARTBEAT}", "max_age_seconds = 5")
    yield from (f"[{at}.hold_output]", 'register = "coil"', f"address = {HOLD}")


def _value(table: str, register: str, address: int, kind: str) -> list[str]:
    return [f"[{table}]", f'register = "{register}"', f"address = {address}", f'type = "{kind}"']
