"""What is known of a machine of the demo shop: its processes, their programs, and what stands in its pots."""

from msgspec import Struct

DIAMETER = 500
"""Number of the variable that holds the diameter measured last, in mm."""
SPINDLE_LOAD = 501
"""Number of the variable that holds the spindle load, in percent."""
PROGRAM_SELECT = 510
"""Number of the variable that selects the program, on a machine with a main program."""


class ToolSpec(Struct, frozen=True, kw_only=True):
    name: str
    tags: tuple[str, ...] = ()
    notes: str = ""


class AssemblySpec(Struct, frozen=True, kw_only=True):
    location: int
    """The pot or turret station in which it stands."""
    name: str
    tools: tuple[ToolSpec, ...]
    notes: str = ""
    stick_out: float | None = None
    """In mm."""


class ProgramSpec(Struct, frozen=True, kw_only=True):
    filename: str
    """As the ledger knows it; as the control reports it, but on a machine with a main program."""
    title: str
    """What a planner calls it."""
    seconds: float
    """Standard time of one cycle on the live floor."""
    tools: dict[int, float]
    """Location -> its share of the cycle, in the order of use. Any scale."""
    diameter: float | None = None
    """Nominal value of the bore that is measured in every part, in mm. None: nothing is measured."""
    counts: bool = True
    """It ends with M30, which counts a part. Measuring and warming up end with M99."""
    selected_by: int | None = None
    """Value of `PROGRAM_SELECT` for it, on a machine with a main program."""


class ProcessSpec(Struct, frozen=True, kw_only=True):
    name: str
    description: str
    programs: tuple[ProgramSpec, ...]
    """A tray of parts goes through each of them in turn."""
    measuring: ProgramSpec | None = None
    """Run now and then, with a part that is finished."""
    tray: int = 4
    assemblies: tuple[AssemblySpec, ...]
    """Those that stay with this process."""
    outgrown: str | None = None
    """Name of one of its assemblies that is taken out for good at a changeover."""
    parts_per_cycle: int = 1
    largest_diameter: float | None = None
    """More than this is alerted. In mm."""
    material_cost: float
    sell_price: float
    """Per part, in the currency of the shop."""
    tags: tuple[str, ...]
    setup: str
    teardown: str
    troubles: tuple[str, ...]
    """What is noted of parts that are scrapped."""

    @property
    def all_programs(self) -> tuple[ProgramSpec, ...]:
        return (*self.programs, self.measuring) if self.measuring else self.programs


class AlarmSpec(Struct, frozen=True, kw_only=True):
    code: str
    text: str
    emergency: bool = False
    """It is an emergency stop."""


class MachineSpec(Struct, frozen=True, kw_only=True):
    source_name: str
    name: str
    description: str
    processes: tuple[ProcessSpec, ...]
    shared: tuple[AssemblySpec, ...]
    """Assemblies that every process of the machine uses."""
    warm_up: ProgramSpec
    """Runs before the first part of a day, and after a long stand. It belongs to no process."""
    main_program: str | None = None
    """The control reports this name whatever runs, and `PROGRAM_SELECT` says what it is."""
    counter_bits: int = 32
    """Size of the register that counts parts."""
    load: float = 1.0
    """How much of its shifts this machine is busy."""
    counter_is_reset: bool = False
    """Operators set the part counter to 0 now and then."""
    link_drops: bool = False
    """The network to this control fails now and then."""
    watches_diameter: bool = False
    """Its processes keep the measured diameter of every part, and show it."""
    behind: bool = False
    """Its people have not seen to the latest changeover and the latest diameter yet."""

    @property
    def programs(self) -> tuple[ProgramSpec, ...]:
        return (self.warm_up, *(program for process in self.processes for program in process.all_programs))

    def process_of(self, filename: str) -> ProcessSpec | None:
        """The process that this program belongs to."""
        return next((each for each in self.processes if filename in [p.filename for p in each.all_programs]), None)


ALARMS = (
    AlarmSpec(code="1010", text="COOLANT LEVEL LOW"),
    AlarmSpec(code="2041", text="TOOL BREAKAGE DETECTED"),
    AlarmSpec(code="3100", text="AIR PRESSURE LOW"),
    AlarmSpec(code="9000", text="EMERGENCY STOP", emergency=True),
)
