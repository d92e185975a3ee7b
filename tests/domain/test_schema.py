"""`events.schema.json` holds every version of every event ever written."""

from pathlib import Path

import msgspec

from taktledger.domain.fold import CODEC

FILE = Path(__file__).parents[2] / "events.schema.json"


def test_the_schema_file_is_up_to_date() -> None:
    """An event that changed its shape needs a new version and an upcaster; a new one needs `make schema`."""
    assert msgspec.json.decode(FILE.read_bytes()) == CODEC.schema(), "run `make schema`, and look at the difference"
