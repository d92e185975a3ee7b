"""People, what they want to know, and how the shop is set."""

from msgspec import Struct, field


class OpenAlert(Struct, kw_only=True):
    """An alert that nobody has dismissed."""

    kind: str
    machine_id: int | None = None
    process_ids: set[int] = field(default_factory=set)
    tool_id: int | None = None
    variable: str | None = None


class User(Struct, kw_only=True):
    id: int
    revision: int = 1
    username: str
    access_level: str
    active: bool = True
    favorite_tools: list[int] = field(default_factory=list)
    favorite_machines: list[int] = field(default_factory=list)
    password_id: str | None = None
    """The password that is valid, by its name in `credentials.db`."""


class Key(Struct, kw_only=True):
    id: int
    user_id: int | None
    """Null when the user was deleted."""
    name: str
    revoked: bool = False


class Options(Struct, kw_only=True):
    """The settings of the whole shop (`GET /api/options/`)."""

    timezone: str = "UTC"
    """IANA name of the shop's time zone: what `local time` means."""
    part_report_limit: int = 100
    """Cycles that one update may report before it is taken as a jump of the counter."""
    check_unused_tools_parts: int = 5
    """Parts that a location may go unused before it is listed in `unused_tool_locations`."""
    machine_silent_seconds: int = 60
    """How long an edge may have no answer from a machine before that is alerted. 0: never."""
    tool_replacement_min_usage: float = 0.0
    """Share of its life that a tool must have been used before it may be replaced. 0: it may be at any time."""
    tool_replaced_checklist: list[str] = field(default_factory=list)
    """What to check after a replacement, for tools without a checklist of their own."""


class AnsweredRequest(Struct, kw_only=True):
    """What the first of several equal requests was answered."""

    body_sha256: str
    status: int
    stream: str
    recorded_at: float
