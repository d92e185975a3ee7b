"""The table `[machine.opcua]`: where a machine's values are, how each is read, and how its server is trusted.

What a node reads comes as the name of its built-in type (`UInt32`) and the value. It is taken only if the type fits:
a server that says something else than expected is never guessed at.
"""

import math
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from takt_adapters.adapter import BadAnswer, must_exist
from takt_adapters.mapping import VariableNumber, check, check_alarm, scaled
from takt_adapters.opcua.nodes import parse_node, parse_path

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
INTEGERS = frozenset({"SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64"})
FLOATS = frozenset({"Float", "Double"})


class Place(Struct, kw_only=True, frozen=True):
    """Where something is read."""

    node: str | None = None
    """NodeId."""
    path: str | None = None
    """Browse path from the root."""

    @property
    def where(self) -> str:
        return self.node or self.path or ""

    def __post_init__(self) -> None:
        if (self.node is None) == (self.path is None):
            raise ValueError("node: expected either node or path")
        if self.node is not None:
            parse_node(self.node)
        if self.path is not None:
            parse_path(self.path)

    def value(self, kind: str, raw: object) -> object:
        """What it reads. Raises BadAnswer."""
        return raw


class Flag(Place, kw_only=True, frozen=True):
    """True or false."""

    def value(self, kind: str, raw: object) -> bool:
        if kind != "Boolean":
            raise BadAnswer(f"expected a Boolean, got {shown(kind, raw)}")
        return bool(raw)


class Alarm(Flag, kw_only=True, frozen=True):
    """An alarm that is on while its Boolean is true."""

    code: str | None = None
    type: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_alarm(self)


class Beat(Place, kw_only=True, frozen=True):
    """What changes as long as the control is alive."""

    max_age_seconds: Annotated[float, Meta(ge=0.1, le=3600)]
    """Values are believed for so long after a change."""

    def value(self, kind: str, raw: object) -> object:
        return str(raw)


class Number(Place, kw_only=True, frozen=True):
    """A number, times `scale`."""

    scale: Annotated[float, Meta(ge=-1e9, le=1e9)] = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale == 0:
            raise ValueError("scale: 0 makes every value 0")

    def value(self, kind: str, raw: object) -> int | float:
        number = _number(kind, raw)
        return scaled(number, self.scale)


class Variable(Number, kw_only=True, frozen=True):
    """A Boolean is 0 or 1."""

    def value(self, kind: str, raw: object) -> int | float:
        return super().value("Byte", int(bool(raw))) if kind == "Boolean" else super().value(kind, raw)


class Whole(Place, kw_only=True, frozen=True):
    """A whole number."""

    def value(self, kind: str, raw: object) -> int:
        number = _number(kind, raw)
        if number != int(number):
            raise BadAnswer(f"expected a whole number, got {shown(kind, raw)}")
        return int(number)


class Counter(Whole, kw_only=True, frozen=True):
    """The part count."""

    def value(self, kind: str, raw: object) -> int:
        number = super().value(kind, raw)
        if number < 0:
            raise BadAnswer(f"a count below 0: {shown(kind, raw)}")
        return number % 2**32  # one of 64 bits goes on as one of 32 bits would


class Text(Place, kw_only=True, frozen=True):
    """Text, or a number that stands for one."""

    map: dict[int, str] = field(default_factory=dict)
    """Number -> text. A number that isn't in it reads as its digits."""

    def value(self, kind: str, raw: object) -> str | None:
        if kind == "LocalizedText":
            raw = getattr(raw, "Text", None)
        if kind in ("String", "LocalizedText"):
            if raw is not None and not str(raw).isprintable():
                raise BadAnswer(f"text that can't be shown: {raw!r}")
            return None if raw is None else str(raw)
        number = int(bool(raw)) if kind == "Boolean" else _number(kind, raw) if kind in INTEGERS else None
        if number is None:
            raise BadAnswer(f"expected text or a whole number, got {shown(kind, raw)}")
        return self.map.get(int(number), str(number))


class HoldOutput(Place, kw_only=True, frozen=True):
    """What is written to hold the machine, and read back."""

    on: Int32 = 1
    """Written to hold it."""
    off: Int32 = 0
    """Written to let it run. A Boolean is false for 0, and true for 1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.on == self.off:
            raise ValueError(f"off: expected another number than on, got {self.off}")

    def value(self, kind: str, raw: object) -> bool | None:
        """None: it reads neither."""
        if kind != "Boolean" and kind not in INTEGERS | FLOATS:
            raise BadAnswer(f"expected a Boolean or a number, got {shown(kind, raw)}")
        return {self.on: True, self.off: False}.get(raw)  # type: ignore[call-overload,no-any-return]

    def raw(self, kind: str, held: bool) -> bool | int | float:
        """What is written to a node of this type. Raises BadAnswer."""
        number = self.on if held else self.off
        if kind == "Boolean" and {self.on, self.off} == {0, 1}:
            return bool(number)
        if kind in INTEGERS and number in _range(kind):
            return number
        if kind in FLOATS:
            return float(number)
        raise BadAnswer(f"{number} can't be written to a {kind}")


class Values(Struct, kw_only=True, frozen=True):
    """Fields of the machine update. What isn't here stays unknown."""

    part_count: Counter | None = None
    cycle_state: Text | None = None
    estopped: Flag | None = None
    program_name: Text | None = None
    feed_rate_override: Number | None = None
    active_tool: Whole | None = None


class OpcuaSettings(Struct, kw_only=True, frozen=True):
    url: str
    """`opc.tcp://HOST:PORT`, and a path if the server has one."""
    timeout_seconds: Annotated[float, Meta(ge=0.05, le=10)] = 2.0
    """To connect, and for each answer."""
    security_policy: Literal["None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"] = "None"
    security_mode: Literal["Sign", "SignAndEncrypt"] | None = None
    """Default: SignAndEncrypt, with a policy."""
    certificate: Path | None = None
    """Of this edge. All certificates are DER or PEM."""
    private_key: Path | None = None
    server_certificate: Path | None = None
    """The only one that is accepted."""
    trust_on_first_use: bool = False
    """If that file isn't there yet, the first certificate is kept there."""
    user: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    password_file: Path | None = None
    user_certificate: Path | None = None
    user_private_key: Path | None = None
    values: Values = Values()
    variables: dict[VariableNumber, Variable] = field(default_factory=dict)
    alarms: list[Alarm] = field(default_factory=list)
    heartbeat: Beat | None = None
    hold_output: HoldOutput | None = None

    @property
    def is_secure(self) -> bool:
        return self.security_policy != "None"

    def __post_init__(self) -> None:
        _check_url(self.url)
        self._check_security()
        self._check_user()
        check(self)

    def _check_security(self) -> None:
        needed = {"certificate": self.certificate, "private_key": self.private_key}
        for key, path in needed.items():
            if self.is_secure and path is None:
                raise ValueError(f'{key}: missing, security_policy = "{self.security_policy}" needs it')
            if not self.is_secure and path is not None:
                raise ValueError(f"{key}: not without a security_policy")
        if self.security_mode is not None and not self.is_secure:
            raise ValueError("security_mode: not without a security_policy")
        if self.server_certificate is None and (self.is_secure or self.trust_on_first_use):
            raise ValueError("server_certificate: missing, expected the file of the server's certificate")
        must_exist(**needed)

    def _check_user(self) -> None:
        pairs = (
            {"user": self.user, "password_file": self.password_file},
            {
                "user_certificate": self.user_certificate,
                "user_private_key": self.user_private_key,
            },
        )
        for pair in pairs:
            for key, value in pair.items():
                if value is None and any(pair.values()):
                    raise ValueError(
                        f"{key}: missing, it goes together with {next(each for each in pair if each != key)}"
                    )
        if self.user is not None and self.user_certificate is not None:
            raise ValueError("user_certificate: expected either a user or a user certificate")
        must_exist(
            password_file=self.password_file,
            user_certificate=self.user_certificate,
            user_private_key=self.user_private_key,
        )


def shown(kind: str, raw: object) -> str:
    text = f"{kind} {raw!r}"
    return text if len(text) <= 100 else f"{text[:99]}…"


def _range(kind: str) -> range:
    bits = {"SByte": 8, "Byte": 8}.get(kind) or int(kind[-2:])
    return range(2**bits) if kind[0] in "UB" else range(-(2 ** (bits - 1)), 2 ** (bits - 1))


def _number(kind: str, raw: object) -> int | float:
    if kind not in INTEGERS | FLOATS or not isinstance(raw, (int, float)) or not math.isfinite(raw):
        raise BadAnswer(f"expected a number, got {shown(kind, raw)}")
    return raw


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme == "opc.tcp" and parts.hostname and parts.port
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(f'url: expected "opc.tcp://HOST:PORT", got "{url}"')
    if "@" in parts.netloc:
        raise ValueError("url: a user name belongs into user, and a password into password_file")
