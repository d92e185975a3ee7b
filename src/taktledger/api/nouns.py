"""The kinds of objects that have documents."""

from takt_projections import (
    assemblies,
    holds,
    inventory,
    machines,
    processes,
    programs,
    tool_requirements,
    tools,
    users,
)
from taktledger.api.documents import Noun

MACHINES = Noun("machines", "machine", machines.load)
PROGRAMS = Noun("programs", "program", programs.load)
PROCESSES = Noun("processes", "process", processes.load)
PROCESSES_ALONE = Noun("processes", "process", processes.load_alone)
"""As one process alone is answered: with what a list leaves out."""
TOOL_REQUIREMENTS = Noun("tool_requirements", "tool requirement", tool_requirements.load)
ASSEMBLIES = Noun("assemblies", "tool assembly", assemblies.load)
TOOLS = Noun("tools", "tool", tools.load, daily=True, worn=tools.worn)
INVENTORY_ITEMS = Noun("inventory_items", "inventory item", inventory.load_items)
INVENTORY_POINTS = Noun("inventory_points", "inventory point", inventory.load_points)
HOLDS = Noun("holds", "hold", holds.load)
HOLD_SCHEDULES = Noun("hold_schedules", "hold schedule", holds.load_schedules)
USERS = Noun("users", "user", users.load)
