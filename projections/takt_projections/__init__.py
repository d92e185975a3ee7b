"""The read models: one module each, with its table, its fold and its queries."""

from takt_projections.alerts import Alerts
from takt_projections.files import Models
from takt_projections.machines import Machines
from takt_projections.parts import Parts
from takt_projections.processes import Processes
from takt_projections.production import Production
from takt_projections.programs import Programs

BUILT_IN: Models = (Machines, Programs, Processes, Parts, Production, Alerts)
