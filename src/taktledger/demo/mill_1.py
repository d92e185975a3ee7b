"""Mill 1: three processes. Its edge finder hardly ever moves, and nobody has said what stands in pot 6."""

from taktledger.demo.specs import AssemblySpec, MachineSpec, ProcessSpec, ProgramSpec, ToolSpec

BRACKET = ProcessSpec(
    name="Bracket",
    description="Motor bracket 4711, EN AW-6082. One setting, two vices.",
    programs=(
        ProgramSpec(
            filename="O1001 BRACKET",
            title="Bracket, complete",
            seconds=9.0,
            tools={10: 0.5, 1: 3, 2: 3, 3: 2, 6: 1, 7: 0.5},
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
            tools=(ToolSpec(name="End mill 12 z3", tags=("solid carbide", "aluminium")),),
            stick_out=38.0,
        ),
        AssemblySpec(
            location=3,
            name="Drill 8.5",
            tools=(ToolSpec(name="Drill 8.5 5xD", tags=("solid carbide",)),),
            stick_out=52.0,
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
            tools={10: 0.5, 1: 3, 4: 3},
            diameter=8.0,
        ),
        ProgramSpec(
            filename="O1003 COVER PLATE OP20",
            title="Cover plate, back and finish",
            seconds=6.0,
            tools={10: 0.5, 4: 2, 5: 1, 7: 1},
            diameter=8.0,
        ),
    ),
    assemblies=(
        AssemblySpec(
            location=4,
            name="End mill 8",
            tools=(ToolSpec(name="End mill 8 z3", tags=("solid carbide", "aluminium")),),
            stick_out=25.0,
        ),
        AssemblySpec(
            location=5,
            name="Countersink 90°",
            tools=(ToolSpec(name="Countersink 10.4", tags=("HSS",), notes="Three flutes, ground again in house."),),
            stick_out=30.0,
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
            tools={10: 0.5, 1: 4, 2: 3, 8: 4},
            diameter=25.0,
        ),
        ProgramSpec(
            filename="O1020 MANIFOLD OP20",
            title="Manifold, second side",
            seconds=12.0,
            tools={10: 0.5, 2: 3, 8: 4, 7: 2},
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
            tools=(ToolSpec(name="Roughing end mill 16 z4", tags=("solid carbide", "steel")),),
            notes="Stands in pot 2 in place of the end mill 12.",
            stick_out=42.0,
        ),
        AssemblySpec(
            location=8,
            name="Deep drill 10",
            tools=(ToolSpec(name="Deep drill 10 12xD", tags=("solid carbide", "inner cooling")),),
            notes="Pilot hole first. At most 3,000 rpm outside of the bore.",
            stick_out=135.0,
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
    shared=(
        AssemblySpec(
            location=1,
            name="Face mill 50",
            tools=(
                ToolSpec(name="Face mill body 50", tags=("holder",)),
                ToolSpec(name="Milling insert 11 mm", tags=("insert",), notes="Five in the body, change all of them."),
            ),
            stick_out=45.0,
        ),
        AssemblySpec(
            location=7,
            name="Chamfer mill 90°",
            tools=(ToolSpec(name="Chamfer mill 10 90°", tags=("solid carbide",)),),
            stick_out=28.0,
        ),
        AssemblySpec(
            location=9,
            name="Edge finder",
            tools=(ToolSpec(name="Edge finder 10", tags=("measuring",)),),
            notes="For setting up by hand, 500 rpm at most.",
        ),
        AssemblySpec(
            location=10,
            name="Touch probe",
            tools=(ToolSpec(name="Ruby stylus 4", tags=("measuring",), notes="Calibrate every Monday."),),
            notes="Never turn the spindle on with it.",
        ),
    ),
    warm_up=ProgramSpec(filename="O9001 WARM-UP", title="Spindle warm-up", seconds=6.0, tools={1: 1}, counts=False),
)
