"""What is known of a machine of the demo shop: its processes, their programs, and what stands in its pots."""

from typing import Literal

from msgspec import Struct

Protocol = Literal["modbus", "opcua", "mtconnect"]
"""What a control speaks; the adapter that reads it has the same name."""

DIAMETER = 500
"""Number of the variable that holds the diameter measured last, in mm."""
SPINDLE_LOAD = 501
"""Number of the variable that holds the spindle load, in percent."""
PROGRAM_SELECT = 510
"""Number of the variable that selects the program, on a machine with a main program."""


class ItemSpec(Struct, frozen=True):
    """What is bought and kept in stock."""

    name: str
    type: str
    brand: str
    part_number: str
    price: float
    stock: int = 0
    """In the tool crib when the history begins."""
    near: int = 0
    """Beside it, in the cabinet at the machine that uses it: so many are put there again and again."""
    cabinet: str = ""
    """Which cabinet that is."""
    reorder_point: int | None = None
    """So few are left when more are ordered."""
    order_qty: int = 10
    corners: int = 0
    torque: float | None = None
    """Of the screw or nut that clamps it, in N·m."""
    coating: str = ""
    flutes: int | None = None
    cut_length: float | None = None
    """In mm."""
    lead_time: float | None = None
    """Days from order to delivery. None: that of its maker."""
    durable: bool = False
    notes: str = ""


class LifeChange(Struct, frozen=True, kw_only=True):
    """The planner finds that a tool should last longer, or less long."""

    day: float
    """After the start."""
    parts: int
    warn: int
    notes: str


class ToolSpec(Struct, frozen=True, kw_only=True):
    """A tool. Of `parts`, `minutes` and `days` the one that is set says how it wears; a tool without any lasts."""

    name: str
    """No other tool of the machine has it."""
    item: str | None = None
    """Name of the inventory item. A tool without one is not in stock."""
    tags: tuple[str, ...] = ()
    """Beside its maker: what it cuts."""
    notes: str = ""
    slots: int = 1
    parts: int = 0
    minutes: float = 0
    days: int = 0
    warn: int = 0
    """So many parts, minutes or days before the end of its life."""
    lives: dict[str, int] = {}
    """Process -> parts that it lasts there, where that is different."""
    changes: tuple[LifeChange, ...] = ()
    is_critical: bool = False
    checklist: tuple[str, ...] | None = None
    message: str = ""
    """To show when it has been replaced."""
    calibrated: bool = False
    """Every Monday."""
    picture: str = ""
    """Which one it is shown by."""

    @property
    def usage_mode(self) -> int:
        """0 parts, 1 run time, 2 days."""
        return 2 if self.days else 1 if self.minutes else 0

    @property
    def wears(self) -> bool:
        return bool(self.parts or self.minutes or self.days)


class RebuildSpec(Struct, frozen=True, kw_only=True):
    """A durable tool goes back to its maker, and another one that lay in a drawer takes its place."""

    day: float
    """After the start."""
    tool: str
    spare: ToolSpec
    notes: str


class AssemblySpec(Struct, frozen=True, kw_only=True):
    location: int | None
    """The pot or turret station in which it stands. None: it stands in none."""
    name: str
    tools: tuple[ToolSpec, ...]
    """The last one is what cuts, or measures."""
    holder: str | None = None
    """Inventory item of the holder, which is a tool of its own."""
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
    pots: int
    """Size of its magazine or turret."""
    rebuilds: tuple[RebuildSpec, ...] = ()
    mistaken: str | None = None
    """Tool of which a replacement is entered by mistake, and taken back."""
    warm_up: ProgramSpec
    """Runs before the first part of a day, and after a long stand. It belongs to no process."""
    protocol: Protocol = "modbus"
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

    @property
    def assemblies(self) -> tuple[tuple[ProcessSpec | None, AssemblySpec], ...]:
        """Those of each process, and first the shared ones, which are no one's."""
        owned = [(process, each) for process in self.processes for each in process.assemblies]
        return (*((None, each) for each in self.shared), *owned)

    def process_of(self, filename: str) -> ProcessSpec | None:
        """The process that this program belongs to."""
        return next((each for each in self.processes if filename in [p.filename for p in each.all_programs]), None)


ALARMS = (
    AlarmSpec(code="1010", text="COOLANT LEVEL LOW"),
    AlarmSpec(code="2041", text="TOOL BREAKAGE DETECTED"),
    AlarmSpec(code="3100", text="AIR PRESSURE LOW"),
    AlarmSpec(code="9000", text="EMERGENCY STOP", emergency=True),
)
