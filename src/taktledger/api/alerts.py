"""`/api/alerts/`: what somebody should look at."""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from takt_projections import alerts
from takt_projections.alerts import Alert
from taktledger.api.backend import Backend
from taktledger.api.bodies import ApiRequest
from taktledger.api.documents import Document, document
from taktledger.api.parameters import Id, Limit, Offset
from taktledger.api.writing import write
from taktledger.domain.alerts import DismissAlert, dismiss_alert
from taktledger.domain.errors import NotFound


def alert_document(backend: Backend, alert_id: int) -> Document[Alert]:
    alert = alerts.get(backend.rows.db, alert_id)
    if alert is None:
        raise NotFound(f"there is no alert {alert_id}")
    return document(alert)


class AlertController(Controller):
    path = "/api/alerts"
    tags = ("Alerts",)

    @get("/", operation_id="list_alerts", summary="List alerts")
    async def list_alerts(
        self, backend: NamedDependency[Backend], limit: FromQuery[Limit] = None, offset: FromQuery[Offset] = 0
    ) -> Document[dict[str, Alert]]:
        """Open alerts first, the newest first among them."""
        return document({str(alert.id): alert for alert in alerts.find(backend.rows.db, limit, offset)})

    @get("/{alert_id:int}", operation_id="get_alert", summary="Get alert")
    async def get_alert(self, backend: NamedDependency[Backend], alert_id: FromPath[Id]) -> Document[Alert]:
        """One alert."""
        return alert_document(backend, alert_id)

    @post("/{alert_id:int}/dismiss", operation_id="dismiss_alert", summary="Dismiss alert", status_code=200)
    async def dismiss_alert(
        self, request: ApiRequest, backend: NamedDependency[Backend], alert_id: FromPath[Id]
    ) -> Document[Alert]:
        """Says that somebody has seen to it. A second time nothing happens."""
        command = DismissAlert(alert_id=alert_id, user_id=request.user.user_id)
        answer = await write(request, backend, dismiss_alert, command)
        return alert_document(backend, alert_id).answering(answer)
