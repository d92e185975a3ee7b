"""What the handlers work with: handed in by `main.py`, the same objects for every request."""

from collections.abc import Callable
from dataclasses import dataclass

from takt_projections.current import ReadModels
from takt_projections.history import History
from taktledger.api.documents import Documents
from taktledger.api.live import LiveState
from taktledger.domain.tools.watch import ToolWatch
from taktledger.ledger.credentials import Credentials
from taktledger.ledger.store import Ledger
from taktledger.ledger.writer import Writer
from taktledger.shopfloor.ingest import UpdateInbox


@dataclass(frozen=True)
class Backend:
    ledger: Ledger
    writer: Writer
    rows: ReadModels
    history: History
    documents: Documents
    credentials: Credentials
    inbox: UpdateInbox
    live: LiveState
    tools: ToolWatch
    clock: Callable[[], float]
