"""Lathe 1: one main program, a variable that selects what runs, and a counter that is set to 0 now and then."""

from taktledger.demo.specs import AssemblySpec, LifeChange, MachineSpec, ProcessSpec, ProgramSpec, ToolSpec

BUSHING = ProcessSpec(
    name="Bushing",
    description="Bushing 77, CuSn12, from the bar.",
    programs=(
        ProgramSpec(
            filename="O3005 BUSHING",
            title="Bushing",
            seconds=6.5,
            tools={12: 0.2, 3: 1.5, 1: 2.5, 5: 1, 15: 0.6, 2: 1, 10: 0.5, 8: 0.5},
            diameter=18.0,
            selected_by=5,
        ),
    ),
    tray=10,
    assemblies=(
        AssemblySpec(
            location=3,
            name="Drill 17",
            tools=(
                ToolSpec(name="Indexable drill body 17 3xD", item="Indexable drill body 17 3xD"),
                ToolSpec(
                    name="Drill insert, centre and outer",
                    item="Drill insert 05, universal",
                    tags=("bronze",),
                    notes="Always change both.",
                    slots=2,
                    parts=420,
                    warn=40,
                    picture="square",
                ),
            ),
            stick_out=55.0,
        ),
        AssemblySpec(
            location=5,
            name="Boring bar 12",
            tools=(
                ToolSpec(name="Boring bar 12, steel", item="Boring bar 12, steel"),
                ToolSpec(
                    name="Boring insert 06 R0.4",
                    item="Boring insert TCMT 06 R0.4",
                    tags=("bronze",),
                    parts=300,
                    warn=30,
                    changes=(LifeChange(day=9, parts=380, warn=30, notes="Lasts longer with the new emulsion."),),
                ),
            ),
            stick_out=36.0,
        ),
        AssemblySpec(
            location=10,
            name="Internal groove 2 mm",
            tools=(
                ToolSpec(name="Grooving bar 16, internal", item="Grooving bar 16, internal"),
                ToolSpec(
                    name="Grooving insert 2 mm", item="Grooving insert 2.0 int", tags=("bronze",), parts=600, warn=50
                ),
            ),
            stick_out=30.0,
        ),
        AssemblySpec(
            location=15,
            name="Reamer 18 H7",
            holder="Floating reamer holder",
            tools=(
                ToolSpec(
                    name="Reamer 18 H7",
                    item="Reamer 18 H7",
                    tags=("bronze",),
                    parts=1400,
                    warn=120,
                    checklist=("First bore measured with the plug gauge",),
                ),
            ),
            stick_out=80.0,
        ),
    ),
    material_cost=2.2,
    sell_price=6.4,
    tags=("bronze", "from the bar"),
    setup="Guide bush 25 in the bar feeder. Variable 510 to 5.",
    teardown="Keep the bronze chips apart.",
    troubles=("Bar end, not long enough.", "Bore out of round."),
)

SHAFT = ProcessSpec(
    name="Shaft",
    description="Drive shaft 12, C45. Both ends, four at a time. The control counts each end.",
    programs=(
        ProgramSpec(
            filename="O3012 SHAFT OP10",
            title="Shaft, first end",
            seconds=9.0,
            tools={7: 1, 1: 4, 2: 2, 13: 0.8},
            diameter=30.0,
            selected_by=12,
        ),
        ProgramSpec(
            filename="O3013 SHAFT OP20",
            title="Shaft, second end with groove and thread",
            seconds=11.0,
            tools={7: 1, 1: 3, 2: 2, 4: 1.5, 6: 1.5, 14: 1.5},
            diameter=30.0,
            selected_by=13,
        ),
    ),
    assemblies=(
        AssemblySpec(
            location=4,
            name="Grooving tool 3 mm",
            tools=(
                ToolSpec(name="Grooving holder 3 mm", item="Grooving holder 3 mm"),
                ToolSpec(
                    name="Grooving insert 3 mm", item="Grooving insert 3.0 R0.2", tags=("steel",), parts=240, warn=24
                ),
            ),
            stick_out=14.0,
        ),
        AssemblySpec(
            location=6,
            name="Thread tool M24x1.5",
            tools=(
                ToolSpec(name="Thread holder 16, external", item="Thread holder 16, external"),
                ToolSpec(
                    name="Thread insert 60° 1.5",
                    item="Thread insert 16ER 1.5 ISO",
                    tags=("steel",),
                    parts=280,
                    warn=25,
                    message="Check the first thread with the ring gauge M24x1.5 6g.",
                ),
            ),
            stick_out=18.0,
        ),
        AssemblySpec(
            location=7,
            name="Centre drill A4",
            holder="Collet holder ER20, turret",
            tools=(ToolSpec(name="Centre drill A4", item="Centre drill A4", tags=("steel",), parts=700, warn=60),),
            stick_out=20.0,
        ),
        AssemblySpec(
            location=9,
            name="Knurling tool",
            tools=(ToolSpec(name="Knurling wheels 1.0", tags=("HSS",)),),
            notes="For the shaft before revision C, which had a knurl.",
        ),
        AssemblySpec(
            location=13,
            name="Live drill 5",
            holder="Live tool ER20, axial",
            tools=(ToolSpec(name="Drill 5.0 5xD", item="Drill 5.0 5xD", tags=("steel",), parts=900, warn=80),),
            stick_out=35.0,
        ),
        AssemblySpec(
            location=14,
            name="Live end mill 6",
            holder="Live tool ER20, radial",
            tools=(ToolSpec(name="End mill 6 z4", item="End mill 6 z4", tags=("steel",), minutes=300, warn=30),),
            notes="For the keyway 6 P9.",
            stick_out=18.0,
        ),
    ),
    outgrown="Knurling tool",
    material_cost=5.6,
    sell_price=17.9,
    tags=("steel", "customer B"),
    setup="Tailstock at 14 bar, soft jaws 30 h6. Variable 510 to 12 for the first end.",
    teardown="Tailstock back, clean the jaws.",
    troubles=("Thread too tight for the gauge.", "Insert broke in the groove.", "Second end not concentric."),
)

LATHE_1 = MachineSpec(
    source_name="lathe-1",
    name="Lathe 1",
    description="Turning centre with a bar feeder and one main program",
    load=0.9,
    protocol="opcua",
    counter_is_reset=True,
    main_program="O3000 MAIN",
    processes=(BUSHING, SHAFT),
    shared=(
        AssemblySpec(
            location=1,
            name="Roughing tool",
            tools=(
                ToolSpec(name="Turning holder 95°", item="Turning holder PCLNL 2525"),
                ToolSpec(
                    name="Turning insert 12 R0.8",
                    item="Turning insert CNMG 12 R0.8",
                    tags=("steel", "bronze"),
                    notes="Four corners.",
                    parts=200,
                    warn=20,
                    lives={"Shaft": 140},
                    picture="rhombic",
                ),
            ),
        ),
        AssemblySpec(
            location=2,
            name="Finishing tool",
            tools=(
                ToolSpec(name="Turning holder 93°", item="Turning holder SDJCL 2525"),
                ToolSpec(
                    name="Turning insert 11 R0.4",
                    item="Turning insert DCGT 11 R0.4",
                    tags=("steel", "bronze"),
                    notes="Two corners.",
                    parts=260,
                    warn=25,
                    is_critical=True,
                    message="Measure diameter 30 h6 of the first part.",
                ),
            ),
        ),
        AssemblySpec(
            location=8,
            name="Parting blade 3 mm",
            tools=(
                ToolSpec(name="Parting blade 26, 3 mm", item="Parting blade 26, 3 mm"),
                ToolSpec(name="Parting insert 3 mm", item="Parting insert 3.0", tags=("bronze",), parts=800, warn=70),
            ),
            notes="The shaft needs it for samples alone.",
            stick_out=32.0,
        ),
        AssemblySpec(
            location=11,
            name="Bar puller",
            tools=(ToolSpec(name="Bar puller 10-65", item="Bar puller 10-65", notes="When the bar feeder is down."),),
        ),
        AssemblySpec(
            location=12,
            name="Spot drill 90°",
            holder="Collet holder ER20, turret",
            tools=(
                ToolSpec(name="Spot drill 10 90°", item="Spot drill 10 90°", tags=("bronze",), parts=4000, warn=300),
            ),
            stick_out=28.0,
        ),
        AssemblySpec(
            location=None,
            name="Coolant unit",
            tools=(ToolSpec(name="Coolant filter, lathe", item="Coolant filter 25 µm", days=14, warn=2),),
            notes="Under the bar feeder.",
        ),
    ),
    pots=16,
    warm_up=ProgramSpec(
        filename="O3090 WARM-UP", title="Spindle warm-up", seconds=6.0, tools={1: 1}, counts=False, selected_by=90
    ),
)
