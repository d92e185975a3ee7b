"""What tools count: since their last replacement, and on the records of those before it."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from takt_projections.model import AMONG, among
from takt_projections.places import NEVER
from takt_projections.production import midnight
from takt_projections.spans import LIVE, NOTHING, Span, Sums, exact_sums
from taktledger.domain.shop import Tool
from taktledger.domain.tools.life import Use

OWN = 0
"""In place of a process: all that a tool did, and what was put right in all."""

SPANS = (
    "SELECT tool_id, begins, ends, process_id, location, after_position, replacement_id, "
    "tool_spans.parts + CASE WHEN ends IS NULL THEN coalesce(process_totals.parts, 0) ELSE 0 END AS parts, "
    "tool_spans.milliseconds + CASE WHEN ends IS NULL THEN coalesce(location_totals.milliseconds, 0) ELSE 0 END "
    "AS milliseconds FROM tool_spans LEFT JOIN process_totals USING (process_id) "
    "LEFT JOIN location_totals USING (process_id, location)"
)
CORRECTIONS = (
    "SELECT tool_id, process_id, at, parts, milliseconds, coalesce((SELECT id FROM tool_replacements AS each "
    "WHERE each.tool_id = tool_corrections.tool_id AND each.timestamp >= at ORDER BY timestamp LIMIT 1), 0) "
    "AS replacement_id FROM tool_corrections"
)


def counts(db: sqlite3.Connection, tool_ids: Sequence[int]) -> dict[int, dict[int, Sums]]:
    """Tool ID -> process ID, or OWN -> what it counts since its last replacement."""
    rows = db.execute(
        "SELECT tool_id, process_id, parts, milliseconds FROM tool_sums "
        f"WHERE tool_id {AMONG} AND replacement_id = {LIVE} "
        "UNION ALL SELECT tool_id, process_id, parts, milliseconds "
        f"FROM ({SPANS} WHERE tool_id {AMONG} AND ends IS NULL)",
        among(tool_ids) * 2,
    )
    made = [(tool_id, process_id, Sums(*sums)) for tool_id, process_id, *sums in rows]
    return _added(tool_ids, made, _corrections(db, tool_ids))


def counts_until(db: sqlite3.Connection, tool_ids: Sequence[int], until: float) -> dict[int, dict[int, Sums]]:
    """The same, as far as it was made or put right until then. UNIX seconds."""
    spans = [(span, sums) for span, sums in _live(db, tool_ids) if span.begins < until]
    whole = [(span, sums) for span, sums in spans if span.ends <= until]
    part = exact_sums(db, [span._replace(ends=until) for span, _ in spans if span.ends > until])
    made = [(span.tool_id, span.process_id, sums) for span, sums in (*whole, *part.items())]
    return _added(tool_ids, made, _corrections(db, tool_ids, until))


def _live(db: sqlite3.Connection, tool_ids: Sequence[int]) -> list[tuple[Span, Sums]]:
    rows = db.execute(f"{SPANS} WHERE tool_id {AMONG} AND replacement_id = {LIVE}", among(tool_ids))
    return [span_of(row) for row in rows]


def span_of(row: Sequence[float]) -> tuple[Span, Sums]:
    tool_id, begins, ends, *more, parts, milliseconds = row
    span = Span(int(tool_id), begins, NEVER if ends is None else ends, *more)  # type: ignore[arg-type]
    return span, Sums(int(parts), int(milliseconds))


def _corrections(
    db: sqlite3.Connection, tool_ids: Sequence[int], until: float = NEVER
) -> Iterator[tuple[int, int, Sums]]:
    rows = db.execute(
        f"SELECT tool_id, process_id, parts, milliseconds FROM ({CORRECTIONS} WHERE tool_id {AMONG} AND at <= ?) "
        f"WHERE replacement_id = {LIVE}",
        (*among(tool_ids), until),
    )
    for tool_id, process_id, parts, milliseconds in rows:
        yield tool_id, process_id, Sums(parts, milliseconds)


def _added(
    tool_ids: Sequence[int], made: Iterable[tuple[int, int, Sums]], corrections: Iterable[tuple[int, int, Sums]]
) -> dict[int, dict[int, Sums]]:
    """What was made in a process counts for it and in all; a correction, for what it corrects."""
    found: dict[int, dict[int, Sums]] = {each: {OWN: NOTHING} for each in tool_ids}
    for tool_id, process_id, sums in made:
        of = found[tool_id]
        of[OWN] = of[OWN].plus(sums)
        if sums != NOTHING:
            of[process_id] = of.get(process_id, NOTHING).plus(sums)
    for tool_id, process_id, sums in corrections:
        found[tool_id][process_id] = found[tool_id].get(process_id, NOTHING).plus(sums)
    return found


def on_record(db: sqlite3.Connection, tool_id: int, replacement_id: int) -> Sums:
    """What a tool counted when it was replaced."""
    row = db.execute(
        "SELECT sum(parts), sum(milliseconds) FROM ("
        "SELECT parts, milliseconds FROM tool_sums WHERE tool_id = :tool AND replacement_id = :id "
        f"UNION ALL SELECT parts, milliseconds FROM ({CORRECTIONS} WHERE tool_id = :tool AND process_id = {OWN}) "
        "WHERE replacement_id = :id)",
        {"id": replacement_id, "tool": tool_id},
    ).fetchone()
    return Sums(row[0] or 0, row[1] or 0)


def processes_ever(db: sqlite3.Connection, tool_id: int) -> list[int]:
    """The processes that a tool has made a part in."""
    rows = db.execute(
        "SELECT DISTINCT process_id FROM (SELECT process_id, parts, milliseconds FROM tool_sums WHERE tool_id = ? "
        f"UNION ALL SELECT process_id, parts, milliseconds FROM ({SPANS} WHERE tool_id = ? AND ends IS NULL)) "
        "WHERE parts != 0 OR milliseconds != 0 ORDER BY process_id",
        (tool_id, tool_id),
    )
    return [row[0] for row in rows]


def average_lives(db: sqlite3.Connection, tool_ids: Sequence[int] | None = None) -> dict[int, float]:
    """Tool ID -> mean parts between its replacements, in one query; those that were never replaced are left out."""
    which, values = (f"tool_id {AMONG}", among(tool_ids)) if tool_ids is not None else ("1", ())
    rows = db.execute(
        "SELECT tool_id, (coalesce(made.parts, 0) + coalesce(corrected.parts, 0)) * 1.0 / replaced.times "
        f"FROM (SELECT tool_id, count(*) AS times FROM tool_replacements WHERE {which} GROUP BY tool_id) AS replaced "
        "LEFT JOIN (SELECT tool_id, sum(parts) AS parts FROM tool_sums "
        f"WHERE {which} AND replacement_id > 0 GROUP BY tool_id) AS made USING (tool_id) "
        f"LEFT JOIN (SELECT tool_id, sum(parts) AS parts FROM ({CORRECTIONS} WHERE {which} AND process_id = {OWN}) "
        "WHERE replacement_id > 0 GROUP BY tool_id) AS corrected USING (tool_id)",
        values * 3,
    )
    return dict(map(tuple, rows))


def last_parts(db: sqlite3.Connection, tool_ids: Sequence[int]) -> dict[int, int]:
    """Tool ID -> the last part that was made with it."""
    found: dict[int, int] = {}
    for tool_id in tool_ids:
        newest = db.execute(f"{SPANS} WHERE tool_id = ? ORDER BY begins DESC", (tool_id,))
        for span, sums in map(span_of, newest):
            if sums.parts <= 0:
                continue
            row = db.execute(
                "SELECT id FROM parts WHERE process_id = ? AND finished > ? AND finished <= ? AND position > ? "
                "ORDER BY finished DESC, id DESC LIMIT 1",
                (span.process_id, span.begins, span.ends, span.after_position),
            ).fetchone()
            if row is not None:
                found[tool_id] = row[0]
                break
    return found


# Days


def days_used(db: sqlite3.Connection, tool: Tool, how: str, now: float, zone: ZoneInfo) -> int:
    """Days since a tool was replaced, or came: `all` of them, those of the `week` (Monday to Friday), or those with at
    least one `part`. Local days."""
    since = tool.last_replacement.at if tool.last_replacement else tool.created
    return days_between(db, tool.id, LIVE, how, (since, now), zone)


def days_between(
    db: sqlite3.Connection, tool_id: int, replacement_id: int, how: str, between: tuple[float, float], zone: ZoneInfo
) -> int:
    """`replacement_id`: the counter whose parts go for days with a part."""
    first, last = (datetime.fromtimestamp(each, zone).date() for each in between)
    match how:
        case "week":
            return _weekdays_until(last) - _weekdays_until(first)
        case "part":
            rows = db.execute(f"{SPANS} WHERE tool_id = ? AND replacement_id = ?", (tool_id, replacement_id))
            return len(
                _days_with_parts(db, [span for span, sums in map(span_of, rows) if sums.parts], between[1], zone)
            )
        case _:
            return max((last - first).days, 0)


def _weekdays_until(day: date) -> int:
    """Monday to Friday, since the Monday that is day 1 of the calendar."""
    weeks, rest = divmod(day.toordinal(), 7)
    return 5 * weeks + min(rest, 5)


def _days_with_parts(db: sqlite3.Connection, spans: Iterable[Span], until: float, zone: ZoneInfo) -> set[date]:
    """From part to part, a day at a time."""
    found: set[date] = set()
    for span in spans:
        at = span.begins
        while True:
            row = db.execute(
                "SELECT finished FROM parts WHERE process_id = ? AND finished > ? AND finished <= ? AND position > ? "
                "ORDER BY finished LIMIT 1",
                (span.process_id, at, min(span.ends, until), span.after_position),
            ).fetchone()
            if row is None:
                break
            day = datetime.fromtimestamp(row[0], zone).date()
            found.add(day)
            at = max(row[0], midnight(day + timedelta(days=1), zone) - 1e-6)
    return found


def uses(
    db: sqlite3.Connection, tools: Sequence[Tool], now: float, zone: ZoneInfo, until: float | None = None
) -> Mapping[int, Mapping[int, Use]]:
    """For decisions: tool ID -> process ID, or OWN -> what it did since its last replacement."""
    ids = [tool.id for tool in tools]
    sums = counts(db, ids) if until is None else counts_until(db, ids, until)
    found: dict[int, dict[int, Use]] = {}
    for tool in tools:
        days: dict[str, int] = {}
        lives = {OWN: tool.life, **tool.process_lives}
        for process_id in {*sums[tool.id], *lives}:
            how = lives[process_id].day_count_type if process_id in lives else "all"
            if how not in days:
                days[how] = days_used(db, tool, how, now, zone)
            parts, milliseconds = sums[tool.id].get(process_id, NOTHING)
            found.setdefault(tool.id, {})[process_id] = Use(parts, milliseconds / 1000, days[how])
    return found
