"""The 5-axis mill: a network that fails now and then, and a diameter that is kept and watched."""

from taktledger.demo.specs import AssemblySpec, MachineSpec, ProcessSpec, ProgramSpec, ToolSpec

IMPELLER = ProcessSpec(
    name="Impeller",
    description="Impeller 90, EN AW-7075. Roughed and finished on two pallets. The control counts each program.",
    programs=(
        ProgramSpec(
            filename="O5001 IMPELLER ROUGH",
            title="Impeller, roughed",
            seconds=17.0,
            tools={1: 4, 2: 5, 8: 1},
            diameter=21.5,
        ),
        ProgramSpec(
            filename="O5002 IMPELLER FINISH",
            title="Impeller, blades finished",
            seconds=16.0,
            tools={3: 4, 7: 3, 9: 1, 8: 1},
            diameter=22.0,
        ),
    ),
    tray=2,
    assemblies=(
        AssemblySpec(
            location=2,
            name="Ball nose 8",
            tools=(ToolSpec(name="Ball nose end mill 8 z2", tags=("solid carbide", "aluminium")),),
            stick_out=40.0,
        ),
        AssemblySpec(
            location=3,
            name="Barrel cutter 10",
            tools=(ToolSpec(name="Barrel cutter 10 R85", tags=("solid carbide",)),),
            notes="Shrink holder, runout below 5 µm.",
            stick_out=44.0,
        ),
        AssemblySpec(
            location=7,
            name="Tapered ball nose 4",
            tools=(ToolSpec(name="Tapered ball nose 4 3°", tags=("solid carbide", "coated")),),
            stick_out=35.0,
        ),
    ),
    largest_diameter=22.02,
    material_cost=38.0,
    sell_price=145.0,
    tags=("aluminium", "aerospace", "first article"),
    setup="Arbor 90 on both pallets.\nCheck the kinematics with the calibration ball before the first part.",
    teardown="Arbors into the oiled box.",
    troubles=("Blade touched by the holder.", "Step between two blades."),
)

KNUCKLE = ProcessSpec(
    name="Knuckle",
    description="Steering knuckle 35, EN-GJS-500. Two settings, two at a time. The control counts each setting.",
    programs=(
        ProgramSpec(
            filename="O5008 KNUCKLE OP10",
            title="Knuckle, first setting",
            seconds=14.0,
            tools={1: 3, 4: 4, 5: 2, 8: 1},
            diameter=34.5,
        ),
        ProgramSpec(
            filename="O5010 KNUCKLE OP20",
            title="Knuckle, second setting with bore",
            seconds=15.0,
            tools={4: 2, 6: 4, 10: 1, 9: 0.5, 8: 1},
            diameter=35.0,
        ),
    ),
    tray=2,
    assemblies=(
        AssemblySpec(
            location=4,
            name="End mill 20",
            tools=(ToolSpec(name="End mill 20 z4", tags=("solid carbide", "cast iron")),),
            stick_out=55.0,
        ),
        AssemblySpec(
            location=5,
            name="Drill 14",
            tools=(ToolSpec(name="Drill 14 5xD", tags=("solid carbide", "inner cooling")),),
            stick_out=75.0,
        ),
        AssemblySpec(
            location=6,
            name="Fine boring head 35",
            tools=(
                ToolSpec(name="Fine boring head 33-42", tags=("holder",), notes="One line is 0.005 mm."),
                ToolSpec(name="Boring insert 6 mm, cast iron", tags=("insert",)),
            ),
            notes="Set it after 40 knuckles, or when a bore is larger than 35.015.",
            stick_out=90.0,
        ),
        AssemblySpec(
            location=10,
            name="Tap M12",
            tools=(ToolSpec(name="Thread former M12", tags=("HSS-E",)),),
            stick_out=60.0,
        ),
    ),
    largest_diameter=35.02,
    material_cost=22.5,
    sell_price=61.0,
    tags=("cast iron", "automotive", "100 % measured"),
    setup="Swivel fixture 35 on both pallets, clamp at 120 bar.",
    teardown="Clean the chips of cast iron out of the swivel axis.",
    troubles=("Cast shifted, no stock left on one side.", "Thread M12 not deep enough."),
)

MILL_5AX = MachineSpec(
    source_name="mill-5ax",
    name="5-axis mill",
    description="5-axis machining centre with a pallet changer",
    load=0.7,
    link_drops=True,
    watches_diameter=True,
    behind=True,
    processes=(IMPELLER, KNUCKLE),
    shared=(
        AssemblySpec(
            location=1,
            name="Face mill 40",
            tools=(
                ToolSpec(name="Face mill body 40", tags=("holder",)),
                ToolSpec(name="Milling insert 10 mm", tags=("insert",), notes="Four in the body."),
            ),
            stick_out=40.0,
        ),
        AssemblySpec(
            location=8,
            name="Touch probe",
            tools=(ToolSpec(name="Ruby stylus 3", tags=("measuring",), notes="Calibrate at each changeover."),),
            notes="Measures the bore of every part.",
        ),
        AssemblySpec(
            location=9,
            name="Chamfer mill, ball",
            tools=(ToolSpec(name="Deburring ball 6", tags=("solid carbide",)),),
            stick_out=32.0,
        ),
    ),
    warm_up=ProgramSpec(
        filename="O9001 WARM-UP", title="Spindle and axes warm-up", seconds=6.0, tools={1: 1}, counts=False
    ),
)
