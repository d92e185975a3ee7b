"""What decisions may ask of the rows: those of the open transaction, so that all that was decided before is in them."""

import sqlite3

from takt_projections import parts
from takt_projections.current import ReadModels
from taktledger.domain.parts import LastCycle, PartRecord
from taktledger.domain.shop import Shop


class History:
    """Fits `PartHistory` (`domain/parts.py`)."""

    def __init__(self, models: ReadModels) -> None:
        self._models = models

    def part(self, shop: Shop, part_id: int) -> PartRecord | None:
        return parts.record(self._rows(shop), part_id)

    def last_cycle_without(self, shop: Shop, part: PartRecord, of: str) -> LastCycle | None:
        owner_id = part.program_id if of == "program" else part.process_id
        return parts.last_cycle(self._rows(shop), f"{of}_id", owner_id, part.id) if owner_id else None

    def _rows(self, shop: Shop) -> sqlite3.Connection:
        return self._models.open_rows(shop)
