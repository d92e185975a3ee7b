"""Mill 1: three processes. Its edge finder hardly ever moves, and nobody has said what stands in pot 6."""

from taktledger.demo.mill_1_shared import SHARED
from taktledger.demo.specs import AssemblySpec, LifeChange, MachineSpec, ProcessSpec, ProgramSpec, ToolSpec

BRACKET = ProcessSpec(
    name="Bracket",
    description="Motor bracket 4711, EN AW-6082. One setting, two vices.",
    programs=(
        ProgramSpec(
            filename="O1001 BRACKET",
            title="Bracket, complete",
            seconds=9.0,
            tools={10: 0.5, 1: 3, 2: 3, 17: 1, 11: 0.3, 3: 1.5, 18: 0.7, 6: 1, 7: 0.5},
            diameter=12.0,
        ),
    ),
    measuring=ProgramSpec(
        filename="O1009 BRACKET PROBE",
        title="Bracket, measured on the machine",
        seconds=6.0,
        tools={10: 1},
        counts=False,
    ),
    assemblies=(
        AssemblySpec(
            location=2,
            name="End mill 12, long",
            holder="Collet chuck ER32",
            tools=(
                ToolSpec(name="End mill 12 z3", item="End mill 12 z3 AL", tags=("aluminium",), parts=1100, warn=110),
            ),
            stick_out=38.0,
        ),
        AssemblySpec(
            location=3,
            name="Drill 8.5",
            holder="Collet chuck ER25",
            tools=(ToolSpec(name="Drill 8.5 5xD", item="Drill 8.5 5xD", tags=("aluminium",), parts=1500, warn=150),),
            stick_out=52.0,
        ),
        AssemblySpec(
            location=17,
            name="End mill 20, finishing",
            holder="Shrink-fit chuck 20",
            tools=(
                ToolSpec(
                    name="End mill 20 z4, finishing",
                    item="End mill 20 z4 AL",
                    tags=("aluminium",),
                    parts=1800,
                    warn=150,
                ),
            ),
            stick_out=50.0,
        ),
        AssemblySpec(
            location=18,
            name="Reamer 12 H7",
            holder="Collet chuck ER25",
            tools=(
                ToolSpec(
                    name="Reamer 12 H7",
                    item="Reamer 12 H7",
                    tags=("aluminium",),
                    parts=900,
                    warn=80,
                    is_critical=True,
                    notes="Bore 12 H7 of the bracket: plug gauge after each change.",
                    checklist=("Runout below 10 µm", "First bore measured with the plug gauge"),
                ),
            ),
            stick_out=70.0,
        ),
    ),
    material_cost=3.1,
    sell_price=14.5,
    tags=("aluminium", "series"),
    setup="Soft jaws 4711 in both vices, stop on the left.\nZero: G54 and G55, with the touch probe.",
    teardown="Take out the soft jaws and put them into drawer 12.",
    troubles=("Chip under the part, not parallel.", "Tap broke in the part."),
)

COVER_PLATE = ProcessSpec(
    name="Cover plate",
    description="Cover plate 5210, EN AW-5083. Front, then back, four at a time. The control counts each side.",
    programs=(
        ProgramSpec(
            filename="O1002 COVER PLATE OP10",
            title="Cover plate, front",
            seconds=7.0,
            tools={10: 0.5, 1: 2, 4: 3, 11: 0.5, 12: 1},
            diameter=8.0,
        ),
        ProgramSpec(
            filename="O1003 COVER PLATE OP20",
            title="Cover plate, back and finish",
            seconds=6.0,
            tools={10: 0.5, 4: 2, 13: 0.8, 5: 1, 7: 1},
            diameter=8.0,
        ),
    ),
    assemblies=(
        AssemblySpec(
            location=4,
            name="End mill 8",
            holder="Collet chuck ER25",
            tools=(
                ToolSpec(
                    name="End mill 8 z3",
                    item="End mill 8 z3 AL",
                    tags=("aluminium",),
                    parts=700,
                    warn=70,
                    changes=(LifeChange(day=12, parts=850, warn=80, notes="Still sharp at 700: new coolant nozzle."),),
                ),
            ),
            stick_out=25.0,
        ),
        AssemblySpec(
            location=5,
            name="Countersink 90°",
            holder="Collet chuck ER25",
            tools=(
                ToolSpec(
                    name="Countersink 10.4",
                    item="Countersink 10.4 90°",
                    tags=("aluminium",),
                    parts=2400,
                    warn=200,
                    notes="Three flutes, ground again in house.",
                ),
            ),
            stick_out=30.0,
        ),
        AssemblySpec(
            location=12,
            name="Drill 5",
            holder="Collet chuck ER25",
            tools=(ToolSpec(name="Drill 5.0 5xD", item="Drill 5.0 5xD", tags=("aluminium",), parts=1300, warn=130),),
            stick_out=35.0,
        ),
        AssemblySpec(
            location=13,
            name="Thread former M6",
            holder="Tapping chuck",
            tools=(
                ToolSpec(
                    name="Thread former M6",
                    item="Thread former M6",
                    tags=("aluminium",),
                    minutes=240,
                    warn=20,
                    message="Check the first thread with the gauge M6 6H.",
                ),
            ),
            stick_out=45.0,
        ),
    ),
    material_cost=1.2,
    sell_price=4.9,
    tags=("aluminium", "series"),
    setup="Vacuum plate, seal of 6 mm. Check the vacuum before the first part: at least 0.8 bar.",
    teardown="Blow out the vacuum plate and put the cover on.",
    troubles=("Vacuum lost, the plate moved.", "Scratch on the visible side."),
)

MANIFOLD = ProcessSpec(
    name="Manifold",
    description="Hydraulic manifold 8830, 1.0715. First and second side, four at a time. The control counts each side.",
    programs=(
        ProgramSpec(
            filename="O1010 MANIFOLD OP10",
            title="Manifold, first side",
            seconds=15.0,
            tools={10: 0.5, 1: 4, 2: 3, 16: 0.5, 8: 3.5},
            diameter=25.0,
        ),
        ProgramSpec(
            filename="O1020 MANIFOLD OP20",
            title="Manifold, second side",
            seconds=12.0,
            tools={10: 0.5, 2: 2, 14: 1.5, 15: 2, 20: 1.5, 7: 1},
            diameter=25.0,
        ),
    ),
    measuring=ProgramSpec(
        filename="O1029 MANIFOLD PROBE",
        title="Manifold, measured on the machine",
        seconds=7.5,
        tools={10: 1},
        counts=False,
    ),
    assemblies=(
        AssemblySpec(
            location=2,
            name="End mill 16, roughing",
            holder="Weldon chuck 16",
            tools=(
                ToolSpec(
                    name="Roughing end mill 16 z4",
                    item="Roughing end mill 16 z4",
                    tags=("steel",),
                    minutes=600,
                    warn=60,
                ),
            ),
            notes="Stands in pot 2 in place of the end mill 12.",
            stick_out=42.0,
        ),
        AssemblySpec(
            location=8,
            name="Deep drill 10",
            holder="Hydraulic chuck 12",
            tools=(
                ToolSpec(
                    name="Deep drill 10 12xD",
                    item="Deep drill 10 12xD",
                    tags=("steel", "inner cooling"),
                    minutes=480,
                    warn=45,
                    is_critical=True,
                    checklist=("Coolant at 40 bar", "Runout below 10 µm"),
                ),
            ),
            notes="Pilot hole first. At most 3,000 rpm outside of the bore.",
            stick_out=135.0,
        ),
        AssemblySpec(
            location=14,
            name="Drill 10.2",
            holder="Hydraulic chuck 12",
            tools=(ToolSpec(name="Drill 10.2 5xD", item="Drill 10.2 5xD", tags=("steel",), parts=500, warn=50),),
            stick_out=60.0,
        ),
        AssemblySpec(
            location=15,
            name="Thread mill G1/4",
            holder="Collet chuck ER25",
            tools=(
                ToolSpec(name="Thread mill G1/4-19", item="Thread mill G1/4-19", tags=("steel",), parts=650, warn=60),
            ),
            stick_out=40.0,
        ),
        AssemblySpec(
            location=16,
            name="Pilot drill 10",
            holder="Hydraulic chuck 12",
            tools=(
                ToolSpec(name="Pilot drill 10 3xD", item="Pilot drill 10 3xD", tags=("steel",), parts=800, warn=80),
            ),
            stick_out=45.0,
        ),
        AssemblySpec(
            location=20,
            name="Boring bar 25",
            tools=(
                ToolSpec(name="Boring head 20-36", item="Boring head 20-36"),
                ToolSpec(
                    name="Boring insert 06, steel",
                    item="Boring insert TCMT 06 R0.4",
                    tags=("steel",),
                    parts=260,
                    warn=25,
                ),
            ),
            stick_out=95.0,
        ),
    ),
    material_cost=11.8,
    sell_price=46.0,
    tags=("steel", "pressure tested"),
    setup="Fixture 8830 on the zero-point plate.\nPot 2: roughing end mill 16 in place of the end mill 12.",
    teardown="Put the end mill 12 back into pot 2.",
    troubles=("Deep bore runs out.", "Burr in the cross bore, leaks.", "Clamped wrongly, stop not touched."),
)

MILL_1 = MachineSpec(
    source_name="mill-1",
    name="Mill 1",
    description="3-axis vertical machining centre, two vices",
    load=0.95,
    processes=(BRACKET, COVER_PLATE, MANIFOLD),
    shared=SHARED,
    pots=20,
    mistaken="Drill 8.5 5xD",
    warm_up=ProgramSpec(filename="O9001 WARM-UP", title="Spindle warm-up", seconds=6.0, tools={1: 1}, counts=False),
)
