"""`shop.toml`: which machines there are, and how each is read (`docs/edge.md`).

It knows no protocol. Each adapter brings the struct of its own table, and whoever loads the file hands them in.
Everything that is wrong with the file is found here, before anything starts.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, NamedTuple, NoReturn, Protocol, cast, get_args

import msgspec
from msgspec import Meta, Struct
from msgspec import inspect as types


class ConfigError(Exception):
    """Something is wrong with the file. The message names file, machine, table, key, and what was expected."""


class AdapterKind(Protocol):
    """What must be known of an adapter to read its table."""

    @property
    def settings(self) -> type[Struct]: ...


class MachineConfig(Struct, kw_only=True, frozen=True):
    """One `[[machine]]`."""

    name: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^\S(.*\S)?\Z")]
    """The machine's source name: what the ledger knows it by. Unique in the file."""
    adapter: str
    poll_seconds: Annotated[float, Meta(ge=0.05, le=3600)] = 1.0
    settings: Struct
    """The adapter's own table, `[machine.ADAPTER]`."""


class Config(Struct, kw_only=True, frozen=True):
    machines: tuple[MachineConfig, ...]


def load_config(path: Path, adapters: Mapping[str, AdapterKind]) -> Config:
    """Reads the file. `adapters`: by the name that `adapter = …` gives. Raises ConfigError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors put a mark before it
    except OSError as error:
        raise ConfigError(f"{path.name}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = 1 + error.object.count(b"\n", 0, error.start)
        raise ConfigError(f"{path.name}: expected UTF-8, and line {line} isn't") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name}: {error}") from error
    file = _Place(path.name, (), path.parent)
    file.refuse_unknown(document, ["machine"])
    tables = document.get("machine", [])
    if not isinstance(tables, list):
        file.fail("machine: expected [[machine]], an array of tables")
    if not tables:
        file.fail("there is no machine in it: one begins with [[machine]]")
    machines: dict[str, MachineConfig] = {}
    for number, table in enumerate(tables, start=1):
        machine = _machine(table, number, path, adapters)
        if machine.name in machines:
            raise ConfigError(f'{path.name}: machine "{machine.name}" [machine] name: another machine has this name')
        machines[machine.name] = machine
    return Config(machines=tuple(machines.values()))


def _machine(table: Any, number: int, file: Path, adapters: Mapping[str, AdapterKind]) -> MachineConfig:
    named = isinstance(table, dict) and isinstance(table.get("name"), str)
    head = f'{file.name}: machine "{table["name"]}"' if named else f"{file.name}: machine no. {number}"
    place = _Place(head, ("machine",), file.parent)
    adapter = table.get("adapter") if isinstance(table, dict) else None
    if not isinstance(adapter, str) or adapter not in adapters:
        place.fail(f"adapter: expected {_one_of(adapters)}, {_got(adapter)}")
    # In the file the adapter's table has the adapter's name; everywhere else it is the machine's settings.
    shape = msgspec.defstruct(
        "MachineTable",
        [("settings", adapters[adapter].settings)],
        bases=(MachineConfig,),
        rename={"settings": adapter},
        kw_only=True,
        frozen=True,
    )
    return cast(MachineConfig, _struct(shape, table, place))


class _Place(NamedTuple):
    """Where in the file we are. (The paths in msgspec's messages leave out the keys of dicts, and start with `$`.)"""

    head: str
    path: tuple[str, ...]
    folder: Path
    """Of the file: what it names is found from there."""

    def inside(self, key: str) -> "_Place":
        return self._replace(path=(*self.path, key))

    def fail(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.head} [{'.'.join(self.path)}] {message}" if self.path else f"{self.head}: {message}")

    def refuse_unknown(self, table: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in table:
            if key not in known:
                self.fail(f"{key}: unknown key, expected {_one_of(known)}")


def _struct(kind: type[Struct], table: dict[str, Any], place: _Place) -> Struct:
    fields = {each.encode_name: each for each in msgspec.structs.fields(kind)}
    place.refuse_unknown(table, fields)
    values = {}
    for key, each in fields.items():
        if key in table:
            values[each.name] = _value(each.type, table[key], place, key)
        elif each.required:
            place.fail(f"{key}: missing, expected {_expected(types.type_info(each.type))}")
    try:
        return kind(**values)
    except ValueError as error:
        # A struct's own check of how its keys go together (__post_init__).
        place.fail(str(error))


def _value(annotation: Any, value: Any, place: _Place, key: str) -> Any:
    """Converts what is under `key` of the table at `place`."""
    info = types.type_info(annotation)
    match info, value:
        case types.UnionType(), _:
            (annotation,) = (each for each in get_args(annotation) if each is not NoneType)
            return _value(annotation, value, place, key)
        case types.CustomType(cls=kind), str() if issubclass(kind, Path):
            return place.folder / value
        case types.StructType(cls=kind), dict():
            return _struct(kind, value, place.inside(key))
        case types.DictType(), dict():
            key_type, value_type = get_args(annotation)
            table = place.inside(key)
            return {_key(key_type, name, table): _value(value_type, each, table, name) for name, each in value.items()}
        case types.ListType() | types.VarTupleType(), list():
            item_type = get_args(annotation)[0]
            return [_value(item_type, each, place, f"{key} no. {number}") for number, each in enumerate(value, start=1)]
    try:
        return msgspec.convert(value, annotation)
    except msgspec.ValidationError:
        place.fail(f"{key}: expected {_expected(info)}, {_got(value)}")


def _key(annotation: Any, name: str, place: _Place) -> Any:
    try:
        return msgspec.convert(name, annotation, strict=False)  # in TOML every key is text
    except msgspec.ValidationError:
        place.fail(f"{name}: expected {_expected(types.type_info(annotation))} as the key")


def _expected(info: types.Type) -> str:
    match info:
        case types.UnionType(types=options):
            return _expected(next(each for each in options if not isinstance(each, types.NoneType)))
        case types.IntType(ge=low, le=high):
            return "an integer" + _range(low, high)
        case types.FloatType(ge=low, le=high):
            return "a number" + _range(low, high)
        case types.StrType(min_length=low, max_length=high, pattern=pattern):
            size = f" of {low or 0} to {high} characters" if high is not None else ""
            return "text" + size + (" in one line, without blanks at its ends" if pattern is not None else "")
        case types.LiteralType(values=values):
            return _one_of(str(each) for each in values)
        case types.BoolType():
            return "true or false"
        case types.CustomType():
            return "the path of a file"
        case types.ListType() | types.VarTupleType():
            return "an array"
    return "a table"


def _range(low: float | None, high: float | None) -> str:
    return f" from {low} to {high}" if low is not None and high is not None else ""


def _one_of(names: Iterable[str]) -> str:
    quoted = [f'"{each}"' for each in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _got(value: Any) -> str:
    match value:
        case None:
            return "got nothing"
        case bool():
            return f"got {str(value).lower()}"
        case str():
            return f'got "{value}"'
        case dict() | list():
            return "got a table" if isinstance(value, dict) else "got an array"
    return f"got {value}"
