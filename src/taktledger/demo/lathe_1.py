"""Lathe 1: one main program, a variable that selects what runs, and a counter that is set to 0 now and then."""

from taktledger.demo.specs import AssemblySpec, MachineSpec, ProcessSpec, ProgramSpec, ToolSpec

BUSHING = ProcessSpec(
    name="Bushing",
    description="Bushing 77, CuSn12, from the bar.",
    programs=(
        ProgramSpec(
            filename="O3005 BUSHING",
            title="Bushing",
            seconds=6.5,
            tools={1: 3, 3: 2, 5: 1, 2: 1, 8: 0.5},
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
                ToolSpec(name="Indexable drill body 17 3xD", tags=("holder",)),
                ToolSpec(name="Drill insert, centre and outer", tags=("insert",), notes="Always change both."),
            ),
            stick_out=55.0,
        ),
        AssemblySpec(
            location=5,
            name="Boring bar 12",
            tools=(
                ToolSpec(name="Boring bar 12, steel", tags=("holder",)),
                ToolSpec(name="Boring insert 06 R0.4", tags=("insert",)),
            ),
            stick_out=36.0,
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
            tools={7: 1, 1: 4, 2: 2},
            diameter=30.0,
            selected_by=12,
        ),
        ProgramSpec(
            filename="O3013 SHAFT OP20",
            title="Shaft, second end with groove and thread",
            seconds=11.0,
            tools={7: 1, 1: 3, 2: 2, 4: 2, 6: 2},
            diameter=30.0,
            selected_by=13,
        ),
    ),
    assemblies=(
        AssemblySpec(
            location=4,
            name="Grooving tool 3 mm",
            tools=(ToolSpec(name="Grooving insert 3 mm", tags=("insert",)),),
            stick_out=14.0,
        ),
        AssemblySpec(
            location=6,
            name="Thread tool M24x1.5",
            tools=(ToolSpec(name="Thread insert 60° 1.5", tags=("insert",)),),
            stick_out=18.0,
        ),
        AssemblySpec(
            location=7,
            name="Centre drill A4",
            tools=(ToolSpec(name="Centre drill A4", tags=("HSS",)),),
            stick_out=20.0,
        ),
        AssemblySpec(
            location=9,
            name="Knurling tool",
            tools=(ToolSpec(name="Knurling wheels 1.0", tags=("HSS",)),),
            notes="For the shaft before revision C, which had a knurl.",
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
    counter_is_reset=True,
    main_program="O3000 MAIN",
    processes=(BUSHING, SHAFT),
    shared=(
        AssemblySpec(
            location=1,
            name="Roughing tool",
            tools=(
                ToolSpec(name="Turning holder 95°", tags=("holder",)),
                ToolSpec(name="Turning insert 12 R0.8", tags=("insert",), notes="Four corners."),
            ),
        ),
        AssemblySpec(
            location=2,
            name="Finishing tool",
            tools=(
                ToolSpec(name="Turning holder 93°", tags=("holder",)),
                ToolSpec(name="Turning insert 11 R0.4", tags=("insert",), notes="Two corners."),
            ),
        ),
        AssemblySpec(
            location=8,
            name="Parting blade 3 mm",
            tools=(ToolSpec(name="Parting insert 3 mm", tags=("insert",)),),
            notes="The shaft needs it for samples alone.",
            stick_out=32.0,
        ),
    ),
    warm_up=ProgramSpec(
        filename="O3090 WARM-UP", title="Spindle warm-up", seconds=6.0, tools={1: 1}, counts=False, selected_by=90
    ),
)
