"""The four machines of the demo shop and the programs they run, in the month of history as on the live floor."""

from msgspec import Struct


class ProgramSpec(Struct, frozen=True, kw_only=True):
    filename: str
    """As the control reports it."""
    title: str
    """What a planner calls it."""
    process: str
    """Name of the process that it belongs to."""
    seconds: float
    """Standard time of one cycle on the live floor."""
    tools: dict[int, float]
    """Location -> its share of the cycle, in the order of use. Any scale."""
    diameter: float
    """Nominal value of the bore that is measured in every part, in mm."""
    parts_per_cycle: int = 1
    """Of the process."""


class AlarmSpec(Struct, frozen=True, kw_only=True):
    code: str
    text: str
    emergency: bool = False
    """It is an emergency stop."""


class MachineSpec(Struct, frozen=True, kw_only=True):
    source_name: str
    name: str
    description: str
    programs: tuple[ProgramSpec, ...]
    counter_bits: int = 32
    """Size of the register that counts parts."""
    load: float = 1.0
    """How much of its shifts this machine is busy."""
    counter_is_reset: bool = False
    """Operators set the part counter to 0 now and then."""
    link_drops: bool = False
    """The network to this control fails now and then."""
    watches_diameter: bool = False
    """Its processes keep the measured diameter of every part."""


DIAMETER = 500
"""Number of the variable that holds the diameter measured last, in mm."""
SPINDLE_LOAD = 501
"""Number of the variable that holds the spindle load, in percent."""
ALARMS = (
    AlarmSpec(code="1010", text="COOLANT LEVEL LOW"),
    AlarmSpec(code="2041", text="TOOL BREAKAGE DETECTED"),
    AlarmSpec(code="3100", text="AIR PRESSURE LOW"),
    AlarmSpec(code="9000", text="EMERGENCY STOP", emergency=True),
)

MACHINES = (
    MachineSpec(
        source_name="mill-1",
        name="Mill 1",
        description="3-axis vertical machining centre, two vices",
        load=0.95,
        programs=(
            ProgramSpec(
                filename="O1001 BRACKET",
                title="Bracket, complete",
                process="Bracket",
                seconds=9.0,
                tools={1: 4, 3: 3, 6: 2},
                diameter=12.0,
            ),
            ProgramSpec(
                filename="O1002 COVER PLATE",
                title="Cover plate, complete",
                process="Cover plate",
                seconds=7.0,
                tools={1: 3, 2: 3, 5: 1},
                diameter=8.0,
            ),
            ProgramSpec(
                filename="O1010 MANIFOLD OP10",
                title="Manifold, first side",
                process="Manifold OP10",
                seconds=15.0,
                tools={1: 4, 2: 3, 4: 4, 7: 2},
                diameter=25.0,
            ),
        ),
    ),
    MachineSpec(
        source_name="mill-2",
        name="Mill 2",
        description="3-axis vertical machining centre with a twin fixture",
        counter_bits=16,
        load=0.85,
        programs=(
            ProgramSpec(
                filename="O2040 HOUSING OP10",
                title="Housing, first side",
                process="Housing OP10",
                seconds=13.0,
                tools={1: 5, 2: 3, 3: 2, 8: 2},
                diameter=40.0,
            ),
            ProgramSpec(
                filename="O2041 HOUSING OP20",
                title="Housing, second side",
                process="Housing OP20",
                seconds=10.0,
                tools={2: 3, 4: 3, 5: 2},
                diameter=40.0,
            ),
            ProgramSpec(
                filename="O2100 SPACER X2",
                title="Spacer, two at once",
                process="Spacer",
                seconds=8.0,
                tools={1: 2, 6: 2, 7: 1},
                diameter=10.0,
                parts_per_cycle=2,
            ),
        ),
    ),
    MachineSpec(
        source_name="lathe-1",
        name="Lathe 1",
        description="Turning centre with a bar feeder",
        load=0.9,
        counter_is_reset=True,
        programs=(
            ProgramSpec(
                filename="O3005 BUSHING",
                title="Bushing",
                process="Bushing",
                seconds=6.5,
                tools={1: 3, 3: 2, 5: 1},
                diameter=18.0,
            ),
            ProgramSpec(
                filename="O3012 SHAFT",
                title="Shaft, finished",
                process="Shaft",
                seconds=11.0,
                tools={1: 4, 2: 3, 4: 2, 6: 1},
                diameter=30.0,
            ),
        ),
    ),
    MachineSpec(
        source_name="mill-5ax",
        name="5-axis mill",
        description="5-axis machining centre with a pallet changer",
        load=0.7,
        link_drops=True,
        watches_diameter=True,
        programs=(
            ProgramSpec(
                filename="O5001 IMPELLER",
                title="Impeller",
                process="Impeller",
                seconds=17.0,
                tools={1: 4, 2: 5, 3: 4, 7: 2, 8: 1},
                diameter=22.0,
            ),
            ProgramSpec(
                filename="O5008 KNUCKLE",
                title="Steering knuckle",
                process="Knuckle",
                seconds=14.0,
                tools={1: 3, 4: 4, 5: 3, 8: 1},
                diameter=35.0,
            ),
        ),
    ),
)
