"""Who may do what: one table, operation by level. Authentication asks it, and the `allowed` of a 403 comes from it."""

from typing import Any, TypeVar

import structlog
from litestar.exceptions import PermissionDeniedException
from msgspec import UNSET, Struct
from msgspec.structs import replace

log = structlog.get_logger()
FieldsT = TypeVar("FieldsT", bound=Struct)

READ = ("admin", "plan", "shop", "audit")
SHOP = ("admin", "plan", "shop")
PLAN = ("admin", "plan")
ADMIN = ("admin",)
EDGE = ("admin", "machine")
SELF = "self"
"""In a row: every level but `machine`, for what is their own."""
OWN = ("admin", SELF)

ALLOWED: dict[str, tuple[str, ...]] = {
    "list_adapters": READ,
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
    "edit_process": PLAN,
    "archive_process": PLAN,
    "delete_process": PLAN,
    "list_tool_requirements": READ,
    "create_tool_requirement": PLAN,
    "process_overview": READ,
    "process_overview_month": READ,
    "process_chart": READ,
    "list_process_tools": READ,
    "list_process_variables": READ,
    "average_cycle_times": READ,
    "duplicate_process": PLAN,
    "change_over": SHOP,
    "list_assemblies": READ,
    "get_assembly": READ,
    "create_assembly": PLAN,
    "edit_assembly": PLAN,
    "delete_assembly": PLAN,
    "duplicate_assembly": PLAN,
    "add_tools": PLAN,
    "merge_assemblies": PLAN,
    "assembly_replacements": READ,
    "get_assembly_image": READ,
    "set_assembly_image": PLAN,
    "delete_assembly_image": PLAN,
    "list_tools": READ,
    "get_tool": READ,
    "create_tool": PLAN,
    "edit_tool": SHOP,
    "delete_tool": PLAN,
    "get_tool_image": READ,
    "set_tool_image": PLAN,
    "delete_tool_image": PLAN,
    "tool_life_history": READ,
    "tool_location_history": READ,
    "tool_day_count": READ,
    "tool_process_life": READ,
    "edit_tool_process_life": PLAN,
    "bulk_adjust_part_count": SHOP,
    "bulk_change_tags": PLAN,
    "update_part_life": PLAN,
    "tool_import_template": READ,
    "import_tools": PLAN,
    "prompt_replacement": READ,
    "replace_tool": SHOP,
    "tool_replacements": READ,
    "get_replacement": READ,
    "edit_replacement": SHOP,
    "undo_replacement": PLAN,
    "get_replacement_image": READ,
    "set_replacement_image": SHOP,
    "delete_replacement_image": SHOP,
    "list_holds": READ,
    "get_hold": READ,
    "create_hold": SHOP,
    "edit_hold": SHOP,
    "delete_hold": PLAN,
    "list_hold_schedules": READ,
    "get_hold_schedule": READ,
    "create_hold_schedule": PLAN,
    "preview_hold_schedule": READ,
    "edit_hold_schedule": PLAN,
    "delete_hold_schedule": PLAN,
    "list_inventory_items": READ,
    "get_inventory_item": READ,
    "create_inventory_item": PLAN,
    "edit_inventory_item": PLAN,
    "delete_inventory_item": PLAN,
    "list_inventory_points": READ,
    "get_inventory_point": READ,
    "create_inventory_point": PLAN,
    "edit_inventory_point": PLAN,
    "delete_inventory_point": PLAN,
    "import_inventory": PLAN,
    "list_parts": READ,
    "get_part": READ,
    "edit_part": SHOP,
    "delete_part": PLAN,
    "list_alerts": READ,
    "get_alert": READ,
    "dismiss_alert": SHOP,
    "get_options": READ,
    "edit_options": ADMIN,
    "list_users": READ,
    "get_user": READ,
    "get_me": READ,
    "create_user": ADMIN,
    "edit_user": OWN,
    "delete_user": ADMIN,
    "list_keys": READ,
    "issue_key": READ,
    "revoke_key": OWN,
    "list_events": READ,
    "append_events": EDGE,
    "get_profile": EDGE,
    "report_live_state": EDGE,
    "metrics": READ,
}


WRITABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "edit_hold": {"shop": ("notes",)},
    "edit_tool": {"shop": ("notes", "part_count")},
    "edit_user": {SELF: ("favorite_tools", "favorite_machines", "password")},
    "issue_key": {"plan": ("name",), "shop": ("name",), "audit": ("name",)},
}
"""Operation -> level -> the fields that this level may write. A level without a row may write all of them."""

NEVER_OWN: dict[str, tuple[str, ...]] = {"edit_user": ("access_level", "active")}
"""Operation -> the fields that nobody may write of themselves, at no level."""


def check_level(handler: Any, level: str) -> None:
    """Raises a 403 if this level may not do it. An operation without a row in the table is nobody's."""
    allowed = ALLOWED.get(str(getattr(handler, "operation_id", "")), ())
    if level not in allowed and not (SELF in allowed and level in READ):
        raise too_low(allowed, level)


def check_own(operation: str, level: str, *, own: bool) -> None:
    """Raises a 403 if this level may do it with what is its own alone, and this isn't."""
    if not own and level not in ALLOWED[operation]:
        raise too_low(ALLOWED[operation], level)


def too_low(allowed: tuple[str, ...], level: str) -> PermissionDeniedException:
    levels = [each for each in allowed if each != SELF]
    return PermissionDeniedException(
        f"this needs the level {' or '.join(levels)}; yours is {level}" if levels else "nobody may do this",
        extra={"allowed": levels},
    )


def only_writable(operation: str, level: str, fields: FieldsT, actor: str, *, own: bool = False) -> FieldsT:
    """`fields` without those that this level may not write: they are ignored, and logged."""
    rows = WRITABLE.get(operation, {})
    may = rows.get(SELF if own and level not in ALLOWED[operation] else level)
    never = NEVER_OWN.get(operation, ()) if own else ()
    ignored = [
        name
        for name in fields.__struct_fields__
        if getattr(fields, name) is not UNSET and (name in never or (may is not None and name not in may))
    ]
    if ignored:
        log.info("fields are ignored that may not be written", operation=operation, actor=actor, fields=ignored)
    return replace(fields, **dict.fromkeys(ignored, UNSET)) if ignored else fields
