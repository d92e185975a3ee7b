"""The table `[machine.mtconnect]`: where the agent is, and which of its devices is the machine."""

from typing import Annotated

from msgspec import Meta, Struct, field

from takt_adapters.http import check_address

Id = Annotated[str, Meta(min_length=1, max_length=200)]
VariableNumber = Annotated[int, Meta(ge=0, le=9_999_999_999)]


class MtconnectSettings(Struct, kw_only=True, frozen=True):
    url: Annotated[str, Meta(min_length=1, max_length=2000)]
    """Of the agent, without a device."""
    device: Id | None = None
    """Name, uuid or id. Not needed if the agent has only one."""
    path: Id | None = None
    """Name or id of a Path component. Default: the first."""
    timeout_seconds: Annotated[float, Meta(ge=0.05, le=10)] = 2.0
    """For each answer, the connection included if there is none yet."""
    variables: dict[VariableNumber, Id] = field(default_factory=dict)
    """Number -> id or name of a data item."""

    def __post_init__(self) -> None:
        try:
            check_address(self.url)
        except ValueError as error:
            raise ValueError(f"url: {error}") from error
