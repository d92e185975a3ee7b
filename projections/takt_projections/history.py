"""What decisions may ask of the rows: those of the open transaction, so that all that was decided before is in them."""

import sqlite3
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from takt_projections import parts, replacements, tool_counts
from takt_projections.current import ReadModels
from taktledger.domain.parts import LastCycle, PartRecord
from taktledger.domain.shop import Shop
from taktledger.domain.tools.life import Use
from taktledger.domain.tools.replacement import ReplacementRecord


class History:
    """Fits `PartHistory` (`domain/parts.py`) and `ReplacementHistory` (`domain/tools/replacement.py`)."""

    def __init__(self, models: ReadModels) -> None:
        self._models = models

    def part(self, shop: Shop, part_id: int) -> PartRecord | None:
        return parts.record(self._rows(shop), part_id)

    def last_cycle_without(self, shop: Shop, part: PartRecord, of: str) -> LastCycle | None:
        owner_id = part.program_id if of == "program" else part.process_id
        return parts.last_cycle(self._rows(shop), f"{of}_id", owner_id, part.id) if owner_id else None

    def uses(
        self, shop: Shop, tool_ids: Iterable[int], now: float, *, until: float | None = None
    ) -> Mapping[int, Mapping[int, Use]]:
        tools = [shop.tools[each] for each in tool_ids]
        return tool_counts.uses(self._rows(shop), tools, now, ZoneInfo(shop.options.timezone), until)

    def average_lives(self, shop: Shop, tool_ids: Iterable[int]) -> Mapping[int, float]:
        return tool_counts.average_lives(self._rows(shop), list(tool_ids))

    def replacement(self, shop: Shop, replacement_id: int) -> ReplacementRecord | None:
        return replacements.record(self._rows(shop), replacement_id)

    def _rows(self, shop: Shop) -> sqlite3.Connection:
        return self._models.open_rows(shop)
