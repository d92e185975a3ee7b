"""Which picture an object shows. The pictures themselves are in the ledger."""

import sqlite3

from taktledger.domain.shop import Image


def image_of(db: sqlite3.Connection, table: str, object_id: int) -> Image | None:
    """`table`: `tools`, `assemblies` or `tool_replacements`."""
    row = db.execute(f"SELECT image_sha256, image_type FROM {table} WHERE id = ?", (object_id,)).fetchone()
    return Image(row[0], row[1]) if row is not None and row[0] is not None else None
