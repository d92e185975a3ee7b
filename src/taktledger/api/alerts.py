"""`/api/alerts/`: what somebody should look at."""

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from takt_projections import alerts
from takt_projections.alerts import Alert
from taktledger.api.backend import Backend
from taktledger.api.parameters import Limit, Offset


class AlertController(Controller):
    path = "/api/alerts"
    tags = ("Alerts",)

    @get("/", operation_id="list_alerts", summary="List alerts")
    async def list_alerts(
        self, backend: NamedDependency[Backend], limit: FromQuery[Limit] = None, offset: FromQuery[Offset] = 0
    ) -> dict[str, Alert]:
        """Open alerts first, the newest first among them."""
        return {str(alert.id): alert for alert in alerts.find(backend.rows.db, limit, offset)}
