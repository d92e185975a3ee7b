"""The read models: one module each, with its table, its fold and its queries."""

from takt_projections.activity import Activity
from takt_projections.alerts import Alerts
from takt_projections.assemblies import Assemblies
from takt_projections.files import Models
from takt_projections.holds import Holds, HoldSchedules
from takt_projections.inventory import InventoryItems, InventoryPoints, StockMovements
from takt_projections.machines import Machines
from takt_projections.options import Options
from takt_projections.parts import Parts
from takt_projections.places import Places
from takt_projections.processes import Processes
from takt_projections.production import Production
from takt_projections.programs import Programs
from takt_projections.replacements import Replacements
from takt_projections.tool_lives import ToolLives
from takt_projections.tool_locations import ToolLocations
from takt_projections.tool_requirements import ToolRequirements
from takt_projections.tools import Tools
from takt_projections.users import Keys, Users
from takt_projections.wear import Wear

BUILT_IN: Models = (
    Machines,
    Programs,
    Processes,
    ToolRequirements,
    Assemblies,
    Tools,
    InventoryItems,
    InventoryPoints,
    StockMovements,
    ToolLives,
    ToolLocations,
    Places,
    Replacements,
    Parts,
    Wear,  # after the rows that its sums are made from
    Production,
    Activity,
    Alerts,
    Holds,
    HoldSchedules,
    Options,
    Users,
    Keys,
)
