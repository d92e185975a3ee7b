"""Mill 2: a counter of 16 bits, and a process that makes two parts in each cycle."""

from taktledger.demo.specs import AssemblySpec, MachineSpec, ProcessSpec, ProgramSpec, ToolSpec

HOUSING = ProcessSpec(
    name="Housing",
    description="Gear housing 2204, cast aluminium. Both sides, four at a time. The control counts each side.",
    programs=(
        ProgramSpec(
            filename="O2040 HOUSING OP10",
            title="Housing, first side",
            seconds=13.0,
            tools={8: 0.5, 1: 5, 2: 3, 3: 2, 6: 1},
            diameter=40.0,
        ),
        ProgramSpec(
            filename="O2041 HOUSING OP20",
            title="Housing, second side",
            seconds=10.0,
            tools={8: 0.5, 2: 3, 4: 3, 6: 2},
            diameter=40.0,
        ),
    ),
    measuring=ProgramSpec(
        filename="O2049 HOUSING PROBE",
        title="Housing, bores measured on the machine",
        seconds=8.0,
        tools={8: 1},
        counts=False,
    ),
    assemblies=(
        AssemblySpec(
            location=2,
            name="End mill 16",
            tools=(ToolSpec(name="End mill 16 z3", tags=("solid carbide", "aluminium")),),
            stick_out=48.0,
        ),
        AssemblySpec(
            location=3,
            name="Drill 10.2",
            tools=(ToolSpec(name="Drill 10.2 5xD", tags=("solid carbide", "inner cooling")),),
            stick_out=60.0,
        ),
        AssemblySpec(
            location=4,
            name="Fine boring bar 40",
            tools=(
                ToolSpec(name="Fine boring head 36-46", tags=("holder",), notes="One line is 0.01 mm."),
                ToolSpec(name="Boring insert 6 mm", tags=("insert",)),
            ),
            notes="Set it with the ring gauge 40 H7.",
            stick_out=110.0,
        ),
    ),
    material_cost=19.4,
    sell_price=52.0,
    tags=("casting", "customer's material"),
    setup="Twin fixture 2204, OP10 on the left, OP20 on the right.\nProbe both castings before the first cycle.",
    teardown="Wash the fixture. Tell the foundry if more than two castings were porous.",
    troubles=("Pore in the sealing face.", "Bore 40 H7 chattered.", "Cold shut in the casting."),
)

SPACER = ProcessSpec(
    name="Spacer",
    description="Spacer 310, EN AW-2007. Two in each cycle, one in each vice.",
    programs=(
        ProgramSpec(
            filename="O2100 SPACER X2",
            title="Spacer, two at once",
            seconds=8.0,
            tools={8: 0.5, 1: 2, 5: 2, 7: 1, 6: 0.5},
            diameter=10.0,
        ),
    ),
    tray=10,
    assemblies=(
        AssemblySpec(
            location=5,
            name="End mill 6",
            tools=(ToolSpec(name="End mill 6 z3", tags=("solid carbide", "aluminium")),),
            stick_out=20.0,
        ),
        AssemblySpec(
            location=7,
            name="Reamer 10 H7",
            tools=(ToolSpec(name="Reamer 10 H7", tags=("solid carbide",), notes="Keep the box, it goes to grinding."),),
            stick_out=55.0,
        ),
    ),
    parts_per_cycle=2,
    material_cost=0.6,
    sell_price=2.8,
    tags=("aluminium", "series"),
    setup="Jaws 310 in both vices, bar pieces of 42 mm.",
    teardown="Nothing but the jaws.",
    troubles=("Bore 10 H7 too large.", "Both too short, wrong offset."),
)

MILL_2 = MachineSpec(
    source_name="mill-2",
    name="Mill 2",
    description="3-axis vertical machining centre with a twin fixture",
    counter_bits=16,
    load=0.85,
    behind=True,
    processes=(HOUSING, SPACER),
    shared=(
        AssemblySpec(
            location=1,
            name="Face mill 63",
            tools=(
                ToolSpec(name="Face mill body 63", tags=("holder",)),
                ToolSpec(name="Milling insert 12 mm, polished", tags=("insert",), notes="Six in the body."),
            ),
            stick_out=50.0,
        ),
        AssemblySpec(
            location=6,
            name="Chamfer mill 90°",
            tools=(ToolSpec(name="Chamfer mill 12 90°", tags=("solid carbide",)),),
            stick_out=30.0,
        ),
        AssemblySpec(
            location=8,
            name="Touch probe",
            tools=(ToolSpec(name="Ruby stylus 6", tags=("measuring",), notes="Calibrate every Monday."),),
            notes="Never turn the spindle on with it.",
        ),
    ),
    warm_up=ProgramSpec(filename="O9001 WARM-UP", title="Spindle warm-up", seconds=6.0, tools={1: 1}, counts=False),
)
