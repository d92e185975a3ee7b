"""Every route of this milestone, and who may use it (`domain.md`, "Levels")."""

from typing import NamedTuple

READ = frozenset({"admin", "plan", "shop", "audit"})
SHOP = frozenset({"admin", "plan", "shop"})
PLAN = frozenset({"admin", "plan"})
ADMIN = frozenset({"admin"})
EDGE = frozenset({"admin", "machine"})


class Route(NamedTuple):
    method: str
    path: str
    """With 1 for every ID: no test that uses it needs the object."""
    allowed: frozenset[str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ROUTES = [
    Route("GET", "/api/machines/", READ),
    Route("PUT", "/api/machines/", ADMIN),
    Route("GET", "/api/machines/1", READ),
    Route("PATCH", "/api/machines/1", PLAN),
    Route("DELETE", "/api/machines/1", ADMIN),
    Route("POST", "/api/machines/1/update", PLAN),
    Route("GET", "/api/programs/", READ),
    Route("PUT", "/api/programs/", PLAN),
    Route("GET", "/api/programs/1", READ),
    Route("PATCH", "/api/programs/1", PLAN),
    Route("DELETE", "/api/programs/1", PLAN),
    Route("GET", "/api/programs/1/overview/2024", READ),
    Route("GET", "/api/programs/1/overview/2024/1", READ),
    Route("GET", "/api/programs/1/chart", READ),
    Route("GET", "/api/processes/", READ),
    Route("PUT", "/api/processes/", PLAN),
    Route("GET", "/api/processes/1", READ),
    Route("PATCH", "/api/processes/1", PLAN),
    Route("DELETE", "/api/processes/1", PLAN),
    Route("POST", "/api/processes/1/archive", PLAN),
    Route("POST", "/api/processes/1/duplicate", PLAN),
    Route("POST", "/api/processes/1/changeover/1", SHOP),
    Route("POST", "/api/processes/averageCycleTimes", READ),
    Route("GET", "/api/processes/variables", READ),
    Route("GET", "/api/processes/1/chart", READ),
    Route("GET", "/api/processes/1/overview/2024", READ),
    Route("GET", "/api/processes/1/overview/2024/1", READ),
    Route("GET", "/api/processes/1/tools", READ),
    Route("GET", "/api/processes/1/toolRequirements", READ),
    Route("PUT", "/api/processes/1/toolRequirements", PLAN),
    Route("GET", "/api/tools/", READ),
    Route("PUT", "/api/tools/", PLAN),
    Route("GET", "/api/tools/1", READ),
    Route("PATCH", "/api/tools/1", SHOP),
    Route("DELETE", "/api/tools/1", PLAN),
    Route("GET", "/api/tools/assemblies", READ),
    Route("PUT", "/api/tools/assemblies", PLAN),
    Route("GET", "/api/tools/assemblies/1", READ),
    Route("PATCH", "/api/tools/assemblies/1", PLAN),
    Route("DELETE", "/api/tools/assemblies/1", PLAN),
    Route("POST", "/api/tools/assemblies/1/duplicate", PLAN),
    Route("POST", "/api/tools/assemblies/1/addTools", PLAN),
    Route("POST", "/api/tools/assemblies/1/merge", PLAN),
    Route("GET", "/api/tools/assemblies/1/replacements", READ),
    Route("GET", "/api/tools/assemblies/1/image", READ),
    Route("POST", "/api/tools/assemblies/1/image", PLAN),
    Route("DELETE", "/api/tools/assemblies/1/image", PLAN),
    Route("GET", "/api/tools/1/image", READ),
    Route("POST", "/api/tools/1/image", PLAN),
    Route("DELETE", "/api/tools/1/image", PLAN),
    Route("GET", "/api/tools/1/lifeHistory", READ),
    Route("GET", "/api/tools/1/locationHistory", READ),
    Route("GET", "/api/tools/1/dayCount/1", READ),
    Route("GET", "/api/tools/1/processLife", READ),
    Route("PATCH", "/api/tools/1/processLife/1", PLAN),
    Route("POST", "/api/tools/bulkAdjustPartCount", SHOP),
    Route("POST", "/api/tools/bulkChangeTags", PLAN),
    Route("POST", "/api/tools/updatePartLife", PLAN),
    Route("GET", "/api/tools/import", READ),
    Route("POST", "/api/tools/import", PLAN),
    Route("GET", "/api/tools/1/replace", READ),
    Route("POST", "/api/tools/1/replace", SHOP),
    Route("GET", "/api/tools/1/replacements", READ),
    Route("GET", "/api/tools/replacements/1", READ),
    Route("PATCH", "/api/tools/replacements/1", SHOP),
    Route("DELETE", "/api/tools/replacements/1", PLAN),
    Route("GET", "/api/tools/replacements/1/image", READ),
    Route("POST", "/api/tools/replacements/1/image", SHOP),
    Route("DELETE", "/api/tools/replacements/1/image", SHOP),
    Route("GET", "/api/inventory/items/", READ),
    Route("PUT", "/api/inventory/items/", PLAN),
    Route("GET", "/api/inventory/items/1", READ),
    Route("PATCH", "/api/inventory/items/1", PLAN),
    Route("DELETE", "/api/inventory/items/1", PLAN),
    Route("GET", "/api/inventory/", READ),
    Route("PUT", "/api/inventory/", PLAN),
    Route("GET", "/api/inventory/1", READ),
    Route("PATCH", "/api/inventory/1", PLAN),
    Route("DELETE", "/api/inventory/1", PLAN),
    Route("POST", "/api/inventory/1/import", PLAN),
    Route("GET", "/api/parts/", READ),
    Route("GET", "/api/parts/1", READ),
    Route("PATCH", "/api/parts/1", SHOP),
    Route("DELETE", "/api/parts/1", PLAN),
    Route("GET", "/api/alerts/", READ),
    Route("GET", "/api/alerts/1", READ),
    Route("POST", "/api/alerts/1/dismiss", SHOP),
    Route("GET", "/api/options/", READ),
    Route("PATCH", "/api/options/", ADMIN),
    Route("GET", "/api/users/", READ),
    Route("PUT", "/api/users/", ADMIN),
    Route("GET", "/api/users/me", READ),
    Route("GET", "/api/users/1", READ),
    Route("PATCH", "/api/users/1", ADMIN),  # the administrator: of themselves everybody may (test_users.py)
    Route("DELETE", "/api/users/1", ADMIN),
    Route("GET", "/api/users/keys", READ),
    Route("PUT", "/api/users/keys", READ),
    Route("DELETE", "/api/users/keys/1", ADMIN),  # the administrator's: their own everybody may
    Route("GET", "/api/events/", READ),
    Route("POST", "/api/events", EDGE),
    Route("GET", "/api/edge/profile", EDGE),
    Route("POST", "/api/edge/state", EDGE),
]
