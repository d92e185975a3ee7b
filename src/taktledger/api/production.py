"""What programs and processes have in common: what was made with them, by day and between two times."""

from calendar import monthrange
from datetime import date, datetime
from zoneinfo import ZoneInfo

from takt_projections import production
from takt_projections.parts import Part, find
from taktledger.api.backend import Backend
from taktledger.domain.errors import Invalid

MOST_PARTS = 10_000
"""In one answer: nobody can write while it is made."""
Overview = dict[str, dict[str, int]]
"""Year -> `YYYY-MM-DD` -> parts."""


def local_zone(backend: Backend) -> ZoneInfo:
    return ZoneInfo(backend.writer.shop.options.timezone)


def overview(backend: Backend, owner: str, owner_id: int, year: int, month: int | None = None) -> Overview:
    """Parts per local day. `owner`: `program_id` or `process_id`. Raises Invalid for what is no year or month."""
    if not 1970 <= year <= 9998:
        raise Invalid("the year must be from 1970 to 9998", "year")
    if month is not None and not 1 <= month <= 12:
        raise Invalid("the month must be from 1 to 12", "month")
    first = date(year, month or 1, 1)
    last = date(year, month or 12, monthrange(year, month or 12)[1])
    return {str(year): production.days(backend.rows.db, owner, owner_id, first, last, local_zone(backend))}


def parts_between(
    backend: Backend, start: float | None, end: float | None, program: int | None = None, process: int | None = None
) -> dict[str, Part]:
    """The parts of a program or process from `start` (default: when the local day began) to `end` (default: now)."""
    now = backend.clock()
    if start is None:
        zone = local_zone(backend)
        start = production.midnight(datetime.fromtimestamp(now, zone).date(), zone)
    until = now if end is None else end
    found = find(backend.rows.db, start=start, end=until, program=program, process=process, limit=MOST_PARTS + 1)
    if len(found) > MOST_PARTS:
        raise Invalid(f"these are more than {MOST_PARTS:,} parts; ask for a shorter time", "start")
    return {str(part.id): part for part in found}
