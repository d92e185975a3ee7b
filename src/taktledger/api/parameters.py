"""Query and path parameters, as the whole API reads them."""

from typing import Annotated

from litestar.params import Parameter

LAST_ID = 2**53

Id = Annotated[int, Parameter(le=LAST_ID)]
OptionalId = Annotated[int | None, Parameter(ge=0, le=LAST_ID)]
OptionalTime = Annotated[float | None, Parameter(ge=0, le=1e11, description="UNIX seconds")]
Limit = Annotated[int | None, Parameter(ge=0, le=LAST_ID, description="maximum number of results")]
Position = Annotated[int, Parameter(ge=0, le=LAST_ID, description="of an event in the ledger")]
Offset = Annotated[int, Parameter(ge=0, le=LAST_ID, description="skip this many results")]
OptionalFlag = Annotated[
    str | None, Parameter(description="true: 1, true, on, yes, y or checked; false: anything else; left out: all")
]

Flag = Annotated[str | None, Parameter(description="true: 1, true, on, yes, y or checked")]

TRUE = {"1", "true", "on", "yes", "y", "checked"}


def flag(value: str | None) -> bool | None:
    """A boolean parameter: anything that isn't true is false. None if it was not given."""
    return None if value is None else value.strip().lower() in TRUE


def is_set(value: str | None) -> bool:
    """A boolean parameter that only says something when it is true."""
    return bool(flag(value))
