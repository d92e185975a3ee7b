"""Who may do what: one table, operation by level. Authentication asks it, and the `allowed` of a 403 comes from it."""

from typing import Any

from litestar.exceptions import PermissionDeniedException

READ = ("admin", "plan", "shop", "audit")
PLAN = ("admin", "plan")
ADMIN = ("admin",)
EDGE = ("admin", "machine")
ANY_KEY = ("admin", "plan", "shop", "audit", "machine")

ALLOWED: dict[str, tuple[str, ...]] = {
    "list_machines": READ,
    "get_machine": READ,
    "create_machine": ADMIN,
    "edit_machine": PLAN,
    "delete_machine": ADMIN,
    "report_update": PLAN,
    "list_programs": READ,
    "get_program": READ,
    "create_program": PLAN,
    "edit_program": PLAN,
    "delete_program": PLAN,
    "program_overview": READ,
    "program_overview_month": READ,
    "program_chart": READ,
    "list_processes": READ,
    "get_process": READ,
    "create_process": PLAN,
    "list_parts": READ,
    "get_part": READ,
    "list_alerts": READ,
    "get_options": READ,
    "edit_options": ADMIN,
    "list_events": READ,
    "append_events": EDGE,
    "get_profile": EDGE,
    "report_live_state": EDGE,
    "metrics": ANY_KEY,
}


def check_level(handler: Any, level: str) -> None:
    """Raises a 403 if this level may not do it. An operation without a row in the table is nobody's."""
    allowed = ALLOWED.get(str(getattr(handler, "operation_id", "")), ())
    if level not in allowed:
        raise PermissionDeniedException(
            f"this needs the level {' or '.join(allowed)}; yours is {level}" if allowed else "nobody may do this",
            extra={"allowed": list(allowed)},
        )
