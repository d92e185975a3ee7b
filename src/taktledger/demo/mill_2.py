"""Mill 2: a counter of 16 bits, and a process that makes two parts in each cycle."""

from taktledger.demo.specs import (
    AssemblySpec,
    LifeChange,
    MachineSpec,
    ProcessSpec,
    ProgramSpec,
    RebuildSpec,
    ToolSpec,
)

HOUSING = ProcessSpec(
    name="Housing",
    description="Gear housing 2204, cast aluminium. Both sides, four at a time. The control counts each side.",
    programs=(
        ProgramSpec(
            filename="O2040 HOUSING OP10",
            title="Housing, first side",
            seconds=13.0,
            tools={8: 0.5, 1: 4, 2: 3, 9: 0.4, 10: 1, 3: 1.5, 11: 0.8, 6: 0.8},
            diameter=40.0,
        ),
        ProgramSpec(
            filename="O2041 HOUSING OP20",
            title="Housing, second side",
            seconds=10.0,
            tools={8: 0.5, 2: 2, 13: 2, 4: 2, 15: 0.8, 14: 0.7, 16: 0.8, 6: 1},
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
            holder="Weldon chuck 16",
            tools=(
                ToolSpec(
                    name="End mill 16 z3",
                    item="End mill 16 z3 AL",
                    tags=("aluminium",),
                    parts=1000,
                    warn=100,
                    changes=(
                        LifeChange(day=16, parts=900, warn=100, notes="Castings with more silicon since last week."),
                    ),
                ),
            ),
            stick_out=48.0,
        ),
        AssemblySpec(
            location=3,
            name="Drill 10.2",
            holder="Hydraulic chuck 12",
            tools=(ToolSpec(name="Drill 10.2 5xD", item="Drill 10.2 5xD", tags=("casting",), parts=1600, warn=150),),
            stick_out=60.0,
        ),
        AssemblySpec(
            location=4,
            name="Fine boring bar 40",
            tools=(
                ToolSpec(
                    name="Fine boring head 36-46, A",
                    item="Fine boring head 36-46",
                    notes="One line is 0.01 mm.",
                    slots=0,
                ),
                ToolSpec(
                    name="Boring insert 6 mm",
                    item="Boring insert TCGT 06 PCD",
                    tags=("casting",),
                    parts=700,
                    warn=60,
                    is_critical=True,
                    message="Set it with the ring gauge 40 H7 before the first part.",
                    checklist=("Head set with the ring gauge", "First bore measured in the measuring room"),
                ),
            ),
            notes="Set it with the ring gauge 40 H7.",
            stick_out=110.0,
        ),
        AssemblySpec(
            location=10,
            name="Drill 6.8",
            holder="Collet chuck ER25",
            tools=(ToolSpec(name="Drill 6.8 5xD", item="Drill 6.8 5xD", tags=("casting",), parts=1500, warn=150),),
            stick_out=45.0,
        ),
        AssemblySpec(
            location=11,
            name="Tap M8",
            holder="Tapping chuck",
            tools=(ToolSpec(name="Tap M8, blind hole", item="Tap M8 spiral", tags=("casting",), minutes=360, warn=30),),
            stick_out=50.0,
        ),
        AssemblySpec(
            location=13,
            name="Rough boring bar 39.6",
            tools=(
                ToolSpec(name="Twin boring head 36-48", item="Twin boring head 36-48"),
                ToolSpec(
                    name="Boring insert 09, pair",
                    item="Boring insert CCGT 09 AL",
                    tags=("casting",),
                    notes="Always both.",
                    slots=2,
                    parts=450,
                    warn=45,
                    picture="rhombic",
                ),
            ),
            stick_out=105.0,
        ),
        AssemblySpec(
            location=14,
            name="Thread former M6",
            holder="Tapping chuck",
            tools=(
                ToolSpec(name="Thread former M6", item="Thread former M6", tags=("casting",), minutes=300, warn=25),
            ),
            stick_out=45.0,
        ),
        AssemblySpec(
            location=15,
            name="Drill 5.5",
            holder="Collet chuck ER25",
            tools=(ToolSpec(name="Drill 5.5 5xD", item="Drill 5.5 5xD", tags=("casting",), parts=1400, warn=140),),
            stick_out=40.0,
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
            tools={8: 0.5, 1: 2, 5: 2, 12: 1, 7: 1, 6: 0.5},
            diameter=10.0,
        ),
    ),
    tray=10,
    assemblies=(
        AssemblySpec(
            location=5,
            name="End mill 6",
            holder="Collet chuck ER25",
            tools=(ToolSpec(name="End mill 6 z3", item="End mill 6 z3 AL", tags=("aluminium",), parts=1600, warn=150),),
            stick_out=20.0,
        ),
        AssemblySpec(
            location=7,
            name="Reamer 10 H7",
            holder="Hydraulic chuck 12",
            tools=(
                ToolSpec(
                    name="Reamer 10 H7",
                    item="Reamer 10 H7",
                    tags=("aluminium",),
                    notes="Keep the box, it goes to grinding.",
                    parts=2080,
                    warn=200,
                ),
            ),
            stick_out=55.0,
        ),
        AssemblySpec(
            location=12,
            name="Drill 9.8",
            holder="Collet chuck ER25",
            tools=(ToolSpec(name="Drill 9.8 3xD", item="Drill 9.8 3xD", tags=("aluminium",), parts=3000, warn=300),),
            stick_out=42.0,
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
                ToolSpec(name="Face mill body 63", item="Face mill body 63, 6 inserts"),
                ToolSpec(
                    name="Milling insert 12 mm, polished",
                    item="Milling insert SEKT 12, polished",
                    tags=("aluminium", "casting"),
                    notes="Six in the body.",
                    slots=6,
                    parts=1000,
                    warn=100,
                    checklist=("Seats wiped clean", "Screws at 3.5 N·m", "Length measured again"),
                ),
            ),
            stick_out=50.0,
        ),
        AssemblySpec(
            location=6,
            name="Chamfer mill 90°",
            holder="Collet chuck ER25",
            tools=(
                ToolSpec(
                    name="Chamfer mill 12 90°", item="Chamfer mill 12 90°", tags=("aluminium",), parts=3800, warn=300
                ),
            ),
            stick_out=30.0,
        ),
        AssemblySpec(
            location=8,
            name="Touch probe",
            tools=(
                ToolSpec(name="Probe body 2", item="Touch probe, infrared", tags=("measuring",), calibrated=True),
                ToolSpec(
                    name="Probe battery", item="Battery 1/2 AA 3.6 V", tags=("measuring",), days=25, warn=3, slots=2
                ),
                ToolSpec(
                    name="Ruby stylus 6", item="Stylus M4, ruby 6", tags=("measuring",), notes="Calibrate every Monday."
                ),
            ),
            notes="Never turn the spindle on with it.",
        ),
        AssemblySpec(
            location=9,
            name="Spot drill 90°",
            holder="Collet chuck ER25",
            tools=(
                ToolSpec(name="Spot drill 10 90°", item="Spot drill 10 90°", tags=("casting",), parts=5000, warn=400),
            ),
            stick_out=32.0,
        ),
        AssemblySpec(
            location=16,
            name="Back deburring tool",
            holder="Weldon chuck 16",
            tools=(
                ToolSpec(
                    name="Back deburring blade 8.5", item="Deburring blade 8.5", tags=("casting",), parts=1800, warn=150
                ),
            ),
            stick_out=120.0,
        ),
        AssemblySpec(
            location=None,
            name="Coolant unit",
            tools=(ToolSpec(name="Coolant filter, mill 2", item="Coolant filter 25 µm", days=10, warn=2),),
            notes="Beside the chip conveyor.",
        ),
    ),
    pots=20,
    rebuilds=(
        RebuildSpec(
            day=13.4,
            tool="Fine boring head 36-46, A",
            spare=ToolSpec(
                name="Fine boring head 36-46, B", item="Fine boring head 36-46", notes="One line is 0.01 mm.", slots=0
            ),
            notes="The slide has play, bores up to 0.02 conical.",
        ),
    ),
    warm_up=ProgramSpec(filename="O9001 WARM-UP", title="Spindle warm-up", seconds=6.0, tools={1: 1}, counts=False),
)
