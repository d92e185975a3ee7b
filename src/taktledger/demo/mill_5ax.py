"""The 5-axis mill: a network that fails now and then, and a diameter that is kept and watched."""

from taktledger.demo.mill_5ax_shared import SHARED
from taktledger.demo.specs import AssemblySpec, LifeChange, MachineSpec, ProcessSpec, ProgramSpec, ToolSpec

IMPELLER = ProcessSpec(
    name="Impeller",
    description="Impeller 90, EN AW-7075. Roughed and finished on two pallets. The control counts each program.",
    programs=(
        ProgramSpec(
            filename="O5001 IMPELLER ROUGH",
            title="Impeller, roughed",
            seconds=17.0,
            tools={1: 3, 12: 3, 15: 1, 2: 4, 8: 1},
            diameter=21.5,
        ),
        ProgramSpec(
            filename="O5002 IMPELLER FINISH",
            title="Impeller, blades finished",
            seconds=16.0,
            tools={3: 4, 14: 2, 7: 2, 16: 1, 9: 1, 8: 1},
            diameter=22.0,
        ),
    ),
    tray=2,
    assemblies=(
        AssemblySpec(
            location=2,
            name="Ball nose 8",
            holder="Shrink-fit chuck 8",
            tools=(
                ToolSpec(
                    name="Ball nose end mill 8 z2", item="Ball nose 8 z2", tags=("aluminium",), minutes=900, warn=80
                ),
            ),
            stick_out=40.0,
        ),
        AssemblySpec(
            location=3,
            name="Barrel cutter 10",
            holder="Shrink-fit chuck 10",
            tools=(
                ToolSpec(
                    name="Barrel cutter 10 R85",
                    item="Barrel cutter 10 R85",
                    tags=("aluminium",),
                    minutes=1200,
                    warn=100,
                    is_critical=True,
                    checklist=("Runout below 5 µm", "Length and radius measured with the laser"),
                ),
            ),
            notes="Shrink holder, runout below 5 µm.",
            stick_out=44.0,
        ),
        AssemblySpec(
            location=7,
            name="Tapered ball nose 4",
            holder="Shrink-fit chuck 8",
            tools=(
                ToolSpec(
                    name="Tapered ball nose 4 3°",
                    item="Tapered ball nose 4 3°",
                    tags=("aluminium",),
                    parts=380,
                    warn=40,
                ),
            ),
            stick_out=35.0,
        ),
        AssemblySpec(
            location=12,
            name="End mill 12",
            holder="Collet chuck ER32",
            tools=(ToolSpec(name="End mill 12 z3", item="End mill 12 z3 AL", tags=("aluminium",), parts=800, warn=80),),
            stick_out=40.0,
        ),
        AssemblySpec(
            location=14,
            name="Lollipop cutter 6",
            holder="Shrink-fit chuck 8",
            tools=(
                ToolSpec(name="Lollipop cutter 6", item="Lollipop cutter 6", tags=("aluminium",), parts=520, warn=50),
            ),
            stick_out=38.0,
        ),
        AssemblySpec(
            location=15,
            name="Indexable drill 21",
            tools=(
                ToolSpec(name="Indexable drill body 21 3xD", item="Indexable drill body 21 3xD"),
                ToolSpec(
                    name="Drill insert 06, pair",
                    item="Drill insert 06, aluminium",
                    tags=("aluminium",),
                    notes="Always change both.",
                    slots=2,
                    parts=600,
                    warn=50,
                ),
            ),
            stick_out=75.0,
        ),
        AssemblySpec(
            location=16,
            name="Boring bar 22",
            tools=(
                ToolSpec(name="Boring head 20-36", item="Boring head 20-36"),
                ToolSpec(
                    name="Boring insert 06, PCD",
                    item="Boring insert TCGT 06 PCD",
                    tags=("aluminium",),
                    parts=900,
                    warn=80,
                ),
            ),
            stick_out=80.0,
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
            tools={1: 3, 13: 3, 4: 2, 17: 0.4, 5: 1.5, 8: 1},
            diameter=34.5,
        ),
        ProgramSpec(
            filename="O5010 KNUCKLE OP20",
            title="Knuckle, second setting with bore",
            seconds=15.0,
            tools={4: 2, 6: 3, 17: 0.4, 11: 1, 10: 1, 9: 0.5, 8: 1},
            diameter=35.0,
        ),
    ),
    tray=2,
    assemblies=(
        AssemblySpec(
            location=4,
            name="End mill 20",
            holder="Weldon chuck 20",
            tools=(
                ToolSpec(
                    name="End mill 20 z4",
                    item="End mill 20 z4 CI",
                    tags=("cast iron",),
                    parts=320,
                    warn=35,
                    changes=(
                        LifeChange(day=10, parts=360, warn=35, notes="Six in a row came out with edge left."),
                        LifeChange(day=21, parts=340, warn=35, notes="A little too long: two with chatter at the end."),
                    ),
                ),
            ),
            stick_out=55.0,
        ),
        AssemblySpec(
            location=5,
            name="Drill 14",
            holder="Hydraulic chuck 20",
            tools=(
                ToolSpec(
                    name="Drill 14 5xD", item="Drill 14 5xD", tags=("cast iron", "inner cooling"), parts=450, warn=45
                ),
            ),
            stick_out=75.0,
        ),
        AssemblySpec(
            location=6,
            name="Fine boring head 35",
            tools=(
                ToolSpec(name="Fine boring head 33-42", item="Fine boring head 33-42", notes="One line is 0.005 mm."),
                ToolSpec(
                    name="Boring insert 6 mm, cast iron",
                    item="Boring insert TCGW 06 CBN",
                    tags=("cast iron",),
                    parts=300,
                    warn=30,
                    is_critical=True,
                    message="Set the head, and measure the first bore in the lab.",
                ),
            ),
            notes="Set it after 40 knuckles, or when a bore is larger than 35.015.",
            stick_out=90.0,
        ),
        AssemblySpec(
            location=10,
            name="Tap M12",
            holder="Tapping chuck",
            tools=(
                ToolSpec(name="Thread former M12", item="Thread former M12", tags=("cast iron",), minutes=150, warn=15),
            ),
            stick_out=60.0,
        ),
        AssemblySpec(
            location=11,
            name="Drill 11.2",
            holder="Hydraulic chuck 12",
            tools=(ToolSpec(name="Drill 11.2 3xD", item="Drill 11.2 3xD", tags=("cast iron",), parts=480, warn=45),),
            stick_out=50.0,
        ),
        AssemblySpec(
            location=13,
            name="Shoulder mill 32",
            tools=(
                ToolSpec(name="Shoulder mill body 32", item="Shoulder mill body 32, 3 inserts"),
                ToolSpec(
                    name="Milling insert 10, cast iron",
                    item="Milling insert APKT 10 CI",
                    tags=("cast iron",),
                    notes="Three in the body.",
                    slots=3,
                    parts=160,
                    warn=16,
                    checklist=("Screws at 1.2 N·m",),
                ),
            ),
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
    protocol="mtconnect",
    link_drops=True,
    watches_diameter=True,
    behind=True,
    processes=(IMPELLER, KNUCKLE),
    shared=SHARED,
    pots=24,
    warm_up=ProgramSpec(
        filename="O9001 WARM-UP", title="Spindle and axes warm-up", seconds=6.0, tools={1: 1}, counts=False
    ),
)
