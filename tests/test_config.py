"""shop.toml: what it means, and what is said when it is wrong."""

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from msgspec import Meta, Struct, field

from takt_adapters.builtin import installed_adapters
from taktledger.config import ConfigError, load_config


class Inner(Struct, frozen=True):
    address: Annotated[int, Meta(ge=0, le=65535)]
    ratio: Annotated[float, Meta(ge=0.5, le=2)] = 1.0
    length: int | None = None

    def __post_init__(self) -> None:
        if self.length == 13:
            raise ValueError("length: 13 is unlucky")


class Settings(Struct, frozen=True):
    host: Annotated[str, Meta(min_length=1, max_length=20)]
    on: bool = True
    kind: Literal["red", "green", "blue"] = "red"
    one: Inner | None = None
    named: dict[str, Inner] = field(default_factory=dict)
    numbered: dict[Annotated[int, Meta(ge=0, le=99)], Inner] = field(default_factory=dict)
    several: list[Inner] = field(default_factory=list)
    words: dict[int, str] = field(default_factory=dict)


class Kind(NamedTuple):
    settings: type[Struct]


KINDS = {"wire": Kind(Settings), "other-wire": Kind(Inner)}
MACHINE = '[[machine]]\nname = "mill-1"\nadapter = "wire"\n[machine.wire]\nhost = "h"\n'


def load(path: Path, text: str | bytes) -> Any:
    file = path / "shop.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(file, KINDS)


def test_machines_in_their_order(tmp_path: Path) -> None:
    second = (
        '[[machine]]\nname = "Ümit 2"\nadapter = "other-wire"\npoll_seconds = 5\n[machine.other-wire]\naddress = 7\n'
    )
    one, two = load(tmp_path, MACHINE + second).machines
    assert (one.name, one.adapter, one.poll_seconds, one.settings) == ("mill-1", "wire", 1.0, Settings("h"))
    assert (two.name, two.adapter, two.poll_seconds, two.settings) == ("Ümit 2", "other-wire", 5.0, Inner(7))


def test_tables_within_tables(tmp_path: Path) -> None:
    text = MACHINE + 'one.address = 1\nnamed.a.address = 2\nnumbered.3.address = 3\nwords = { 0 = "no", 1 = "yes" }\n'
    (machine,) = load(tmp_path, text + "[[machine.wire.several]]\naddress = 4\nratio = 2\n").machines
    assert machine.settings == Settings(
        "h",
        one=Inner(1),
        named={"a": Inner(2)},
        numbered={3: Inner(3)},
        several=[Inner(4, ratio=2.0)],
        words={0: "no", 1: "yes"},
    )


def test_a_mark_before_the_text(tmp_path: Path) -> None:
    """As some editors put it."""
    assert load(tmp_path, b"\xef\xbb\xbf" + MACHINE.encode()).machines[0].name == "mill-1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", "shop.toml: Invalid value (at end of document)"),
        ('[[machine]]\nname = "a\n', "shop.toml: Illegal character '\\n' (at line 2, column 10)"),
        (b"a = '\xff'", "shop.toml: expected UTF-8, and line 1 isn't"),
        (b"# a\r\n\n# \xe4", "shop.toml: expected UTF-8, and line 3 isn't"),
        ("", "shop.toml: there is no machine in it: one begins with [[machine]]"),
        ("# nothing", "shop.toml: there is no machine in it: one begins with [[machine]]"),
        ("port = 80", 'shop.toml: port: unknown key, expected "machine"'),
        ("[machine]\nname = 'a'", "shop.toml: machine: expected [[machine]], an array of tables"),
        ("machine = [1]", 'shop.toml: machine no. 1 [machine] adapter: expected "wire" or "other-wire", got nothing'),
        (MACHINE + MACHINE, 'shop.toml: machine "mill-1" [machine] name: another machine has this name'),
        (
            MACHINE.replace('adapter = "wire"', 'adapter = "wier"'),
            'machine "mill-1" [machine] adapter: expected "wire" or "other-wire", got "wier"',
        ),
        (MACHINE.replace('adapter = "wire"', ""), "[machine] adapter: expected"),
        (
            MACHINE.replace('"mill-1"', '""'),
            "[machine] name: expected text of 1 to 200 characters in one line, without blanks at its",
        ),
        (
            MACHINE.replace('"mill-1"', '" "'),
            "[machine] name: expected text of 1 to 200 characters in one line, without blanks at its",
        ),
        (
            MACHINE.replace('"mill-1"', r'"mill-1\n"'),
            "[machine] name: expected text of 1 to 200 characters in one line",
        ),
        (MACHINE.replace('"mill-1"', '"mill-1 "'), 'without blanks at its ends, got "mill-1 "'),
        (
            MACHINE.replace('"mill-1"', "7"),
            "machine no. 1 [machine] name: expected text of 1 to 200 characters in one line",
        ),
        (MACHINE.replace('name = "mill-1"', ""), "machine no. 1 [machine] name: missing, expected text"),
        ('[[machine]]\nname = "a"\nadapter = "wire"', "[machine] wire: missing, expected a table"),
        ('[[machine]]\nname = "a"\nadapter = "wire"\nwire = 3', "[machine] wire: expected a table, got 3"),
        (
            MACHINE.replace("[machine.wire]", "poll_second = 1\n[machine.wire]"),
            '[machine] poll_second: unknown key, expected "name", "adapter", "poll_seconds" or "wire"',
        ),
        (
            MACHINE.replace("[machine.wire]", "poll_seconds = 0\n[machine.wire]"),
            "[machine] poll_seconds: expected a number from 0.05 to 3600, got 0",
        ),
        (MACHINE.replace("[machine.wire]", "poll_seconds = nan\n[machine.wire]"), "poll_seconds: expected a number"),
        (MACHINE + "[machine.other-wire]\naddress = 1", "[machine] other-wire: unknown key"),
        (MACHINE + "hots = 1", '[machine.wire] hots: unknown key, expected "host", "on"'),
        (MACHINE + "on = 1", "[machine.wire] on: expected true or false, got 1"),
        (MACHINE + 'kind = "pink"', '[machine.wire] kind: expected "blue", "green" or "red", got "pink"'),
        (MACHINE + "one = 5", "[machine.wire] one: expected a table, got 5"),
        (MACHINE + "several = 5", "[machine.wire] several: expected an array, got 5"),
        (
            MACHINE + "named.part_count.address = 70000",
            'shop.toml: machine "mill-1" [machine.wire.named.part_count] address: '
            "expected an integer from 0 to 65535, got 70000",
        ),
        (MACHINE + "named.a.address = 1.5", "[machine.wire.named.a] address: expected an integer from 0 to 65535"),
        (MACHINE + "named.a.address = true", "address: expected an integer from 0 to 65535, got true"),
        (MACHINE + "named.a.address = 1979-05-27", "address: expected an integer from 0 to 65535, got 1979-05-27"),
        (MACHINE + "named.a.ratio = 1", "[machine.wire.named.a] address: missing, expected an integer from 0 to 65535"),
        (MACHINE + "one = { address = 1, length = 13 }", "[machine.wire.one] length: 13 is unlucky"),
        (MACHINE + "numbered.x.address = 1", "[machine.wire.numbered] x: expected an integer from 0 to 99 as the key"),
        (MACHINE + "numbered.100.address = 1", "[machine.wire.numbered] 100: expected an integer from 0 to 99"),
        (MACHINE + "words = { 1 = 2 }", "[machine.wire.words] 1: expected text, got 2"),
        (
            MACHINE + "[[machine.wire.several]]\naddress = 1\n[[machine.wire.several]]\naddress = []",
            "[machine.wire.several no. 2] address: expected an integer from 0 to 65535, got an array",
        ),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert message in str(error.value)
    assert str(error.value).startswith("shop.toml: ")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"shop\.toml: can't be read: No such file or directory"):
        load_config(tmp_path / "shop.toml", KINDS)


MODBUS = '[[machine]]\nname = "mill-1"\nadapter = "modbus"\n[machine.modbus]\nhost = "127.0.0.1"\n'
HOLDING = 'register = "holding"\naddress = 0\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "[machine.modbus] values: missing, there is nothing to read"),
        ('word_order = "big"\n', 'word_order: expected "ABCD", "BADC", "CDAB" or "DCBA", got "big"'),
        (
            "[machine.modbus.values.speed]\n" + HOLDING,
            '[machine.modbus.values] speed: unknown key, expected "part_count"',
        ),
        (
            '[machine.modbus.values.part_count]\nregister = "holding"\naddress = 70000\ntype = "uint32"',
            'shop.toml: machine "mill-1" [machine.modbus.values.part_count] address: '
            "expected an integer from 0 to 65535, got 70000",
        ),
        (
            '[machine.modbus.values.part_count]\nregister = "holding"\naddress = 65535\ntype = "uint32"',
            "[machine.modbus.values.part_count] address: 2 registers from 65535 end beyond 65535",
        ),
        (
            '[machine.modbus.values.program_name]\nregister = "holding"\naddress = 65530\ntype = "string"\nlength = 7',
            "[machine.modbus.values.program_name] address: 7 registers from 65530 end beyond 65535",
        ),
        (
            "[machine.modbus.values.part_count]\n" + HOLDING + 'type = "float32"',
            'type: expected "uint16" or "uint32", got "float32"',
        ),
        ("[machine.modbus.values.part_count]\n" + HOLDING, "type: missing, expected"),
        (
            "[machine.modbus.values.part_count]\n" + HOLDING + 'type = "uint16"\nscale = 2',
            "scale: not for a whole number",
        ),
        (
            '[machine.modbus.values.part_count]\nregister = "coil"\naddress = 0\ntype = "uint16"',
            'type: expected "bool" for a coil, got "uint16"',
        ),
        ("[machine.modbus.values.estopped]\n" + HOLDING, "bit: missing, expected the bit of the holding register"),
        ('[machine.modbus.values.estopped]\nregister = "coil"\naddress = 0\nbit = 1', "bit: a coil is one bit"),
        ("[machine.modbus.values.estopped]\n" + HOLDING + "bit = 16", "bit: expected an integer from 0 to 15, got 16"),
        ("[machine.modbus.variables.5]\n" + HOLDING + 'type = "int32"\nbit = 1', 'bit: expected type = "bool" with it'),
        ("[machine.modbus.variables.5]\n" + HOLDING + 'type = "int32"\nscale = 0', "scale: 0 makes every value 0"),
        ("[machine.modbus.variables.5]\n" + HOLDING + 'type = "int16"\nword_order = "ABCD"', "word_order: a"),
        ("[machine.modbus.variables.5]\n" + HOLDING + 'type = "string"', "[machine.modbus.variables.5] type: expected"),
        ("[machine.modbus.values.program_name]\n" + HOLDING + 'type = "string"', "length: missing"),
        ("[machine.modbus.values.program_name]\n" + HOLDING + 'type = "int16"\nlength = 2', "length: expected type"),
        (
            "[machine.modbus.values.program_name]\n" + HOLDING + 'type = "string"\nlength = 2\nmap = { 0 = "x" }',
            "map: not for a string",
        ),
        (
            "[machine.modbus.values.program_name]\n" + HOLDING + 'type = "string"\nlength = 2\nword_order = "CDAB"',
            'word_order: expected "ABCD" or "BADC" for a string, got "CDAB"',
        ),
        ("[[machine.modbus.alarms]]\n" + HOLDING + "bit = 1", "[machine.modbus.alarms no. 1] code: missing"),
        (
            2 * ("[[machine.modbus.alarms]]\n" + HOLDING + 'bit = 1\ncode = "7"\n'),
            "[machine.modbus] alarms: two have the same code and type",
        ),
        ("[machine.modbus.heartbeat]\n" + HOLDING, "[machine.modbus.heartbeat] max_age_seconds: missing"),
    ],
)
def test_what_is_wrong_with_modbus(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(MODBUS + text)
    with pytest.raises(ConfigError) as error:
        load_config(file, installed_adapters())
    assert message in str(error.value)
    assert str(error.value).startswith('shop.toml: machine "mill-1" [machine.modbus')
