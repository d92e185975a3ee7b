"""What the demo shop buys for its machines, who makes it, and where it is kept. All makers are invented."""

from taktledger.demo.specs import ItemSpec

CRIB, MILLS, LATHE = "Tool crib", "Cabinet, mills 1 and 2", "Cabinet, lathe"
CABINETS = {"mill-1": MILLS, "mill-2": MILLS, "lathe-1": LATHE}
"""Source name -> the cabinet at the machine. What isn't in it comes from the crib."""

MAKERS: dict[str, tuple[tuple[str, ...], float]] = {
    "Kessmar": (("Hahn Tools",), 1),
    "Nordel": (("Hahn Tools", "Ostwerk"), 1),
    "Vallor": (("Ostwerk",), 2),
    "Holdan": (("Hahn Tools",), 10),
    "Metrikon": (("Metrikon direct",), 7),
    "Filtrex": (("Ostwerk",), 3),
}
"""Maker -> suppliers, and days from order to delivery."""

INSERTS = (
    ItemSpec(
        "Milling insert SEKT 11", "Insert", "Kessmar", "SEKT 1104-M K25", 8.4, 20, 10, MILLS, 10, 20, 4, 3.5, "TiAlN"
    ),
    ItemSpec(
        "Milling insert SEKT 12, polished", "Insert", "Kessmar", "SEKT 1204-AL K10", 9.1, 18, 12, MILLS, 8, 20, 4, 3.5
    ),
    ItemSpec(
        "Milling insert ONMU 05", "Insert", "Kessmar", "ONMU 050410-M K25", 14.2, 16, 0, "", 5, 20, 8, 3.5, "TiAlN"
    ),
    ItemSpec(
        "Milling insert APKT 10 CI", "Insert", "Kessmar", "APKT 1003-K K20", 6.9, 30, 0, "", 10, 30, 2, 1.2, "Al2O3"
    ),
    ItemSpec(
        "Turning insert CNMG 12 R0.8", "Insert", "Kessmar", "CNMG 120408-M P25", 7.2, 12, 6, LATHE, 5, 20, 4, 3.9, "CVD"
    ),
    ItemSpec(
        "Turning insert DCGT 11 R0.4", "Insert", "Kessmar", "DCGT 11T304-F P15", 10.6, 14, 6, LATHE, 6, 20, 2, 3.0
    ),
    ItemSpec("Grooving insert 3.0 R0.2", "Insert", "Vallor", "GX 3002-M", 12.8, 8, 4, LATHE, 4, 20, 2, 3.0, "TiAlN"),
    ItemSpec("Grooving insert 2.0 int", "Insert", "Vallor", "GI 2002-R", 18.5, 4, 0, "", 2, 10, 2, 2.0, "TiN"),
    ItemSpec(
        "Thread insert 16ER 1.5 ISO", "Insert", "Vallor", "16ER 1.5ISO-M", 15.4, 5, 3, LATHE, 2, 10, 3, 3.0, "TiAlN"
    ),
    ItemSpec("Parting insert 3.0", "Insert", "Vallor", "PX 3.0-N", 11.9, 4, 2, LATHE, 2, 20, 2, coating="TiAlN"),
    ItemSpec(
        "Boring insert TCMT 06 R0.4", "Insert", "Kessmar", "TCMT 060204-F", 6.6, 10, 5, LATHE, 5, 20, 3, 0.9, "CVD"
    ),
    ItemSpec("Boring insert TCGT 06 PCD", "Insert", "Kessmar", "TCGT 060202-D", 74.0, 7, 0, "", 2, 10, 1, 0.9, "PCD"),
    ItemSpec("Boring insert TCGW 06 CBN", "Insert", "Kessmar", "TCGW 060202-B", 68.0, 8, 0, "", 2, 10, 1, 0.9, "CBN"),
    ItemSpec("Boring insert CCGT 09 AL", "Insert", "Kessmar", "CCGT 09T304-AL", 8.8, 12, 6, MILLS, 5, 20, 2, 3.0),
    ItemSpec("Drill insert 05, universal", "Insert", "Vallor", "SD 0502-U", 9.9, 10, 4, LATHE, 4, 20, 4, 1.2, "TiAlN"),
    ItemSpec("Drill insert 06, aluminium", "Insert", "Vallor", "SD 0603-AL", 10.4, 8, 0, "", 2, 20, 4, 1.2),
)
"""Where a number of them is used at once, the reorder point is some sets."""

CUTTERS = (
    ItemSpec("End mill 6 z3 AL", "End mill", "Nordel", "NE3-06-AL", 24.5, 7, 2, MILLS, 2, 8, flutes=3, cut_length=13),
    ItemSpec("End mill 8 z3 AL", "End mill", "Nordel", "NE3-08-AL", 29.0, 7, 2, MILLS, 2, 8, flutes=3, cut_length=19),
    ItemSpec(
        "End mill 12 z3 AL", "End mill", "Nordel", "NE3-12-AL-L", 52.0, 7, 2, MILLS, 2, 8, flutes=3, cut_length=36
    ),
    ItemSpec("End mill 16 z3 AL", "End mill", "Nordel", "NE3-16-AL", 78.0, 6, 1, MILLS, 1, 5, flutes=3, cut_length=36),
    ItemSpec("End mill 20 z4 AL", "End mill", "Nordel", "NE4-20-AL", 118.0, 4, 0, "", 1, 3, flutes=4, cut_length=45),
    ItemSpec("End mill 20 z4 CI", "End mill", "Nordel", "NE4-20-K", 126.0, 8, 0, "", 3, 8, coating="TiAlN", flutes=4),
    ItemSpec("End mill 6 z4", "End mill", "Nordel", "NE4-06-M", 23.0, 6, 2, LATHE, 2, 8, coating="TiAlN", flutes=4),
    ItemSpec(
        "Roughing end mill 16 z4", "End mill", "Nordel", "NR4-16-M", 92.0, 5, 1, MILLS, 1, 5, coating="AlCrN", flutes=4
    ),
    ItemSpec("Ball nose 8 z2", "End mill", "Nordel", "NB2-08-AL", 41.0, 6, 0, "", 1, 6, flutes=2, cut_length=12),
    ItemSpec("Barrel cutter 10 R85", "End mill", "Vallor", "VC-10-R85", 164.0, 4, 0, "", 1, 3, flutes=3, cut_length=22),
    ItemSpec(
        "Tapered ball nose 4 3°", "End mill", "Vallor", "VT-04-3", 96.0, 7, 0, "", 2, 6, coating="TiAlN", flutes=3
    ),
    ItemSpec("Lollipop cutter 6", "End mill", "Vallor", "VL-06", 88.0, 5, 0, "", 1, 5, flutes=4),
    ItemSpec(
        "Thread mill G1/4-19", "Thread mill", "Vallor", "VTM-G14", 112.0, 5, 0, "", 1, 5, coating="TiCN", flutes=4
    ),
    ItemSpec("Chamfer mill 10 90°", "Chamfer mill", "Nordel", "NC-10-90", 36.0, 5, 1, MILLS, 1, 5, flutes=4),
    ItemSpec("Chamfer mill 12 90°", "Chamfer mill", "Nordel", "NC-12-90", 42.0, 4, 1, MILLS, 1, 5, flutes=4),
    ItemSpec("Deburring ball 6", "Chamfer mill", "Vallor", "VD-06", 58.0, 5, 0, "", 1, 5, flutes=4),
    ItemSpec("Deburring blade 8.5", "Chamfer mill", "Vallor", "VB-085", 31.0, 5, 0, "", 1, 5),
    ItemSpec("Countersink 10.4 90°", "Chamfer mill", "Nordel", "NK-104", 19.5, 4, 0, "", 1, 3, flutes=3),
    ItemSpec("Spot drill 10 90°", "Drill", "Nordel", "NS-10-90", 33.0, 6, 1, MILLS, 3, 8, coating="TiAlN", flutes=2),
    ItemSpec("Centre drill A4", "Drill", "Nordel", "NA4-HSS", 8.9, 10, 4, LATHE, 4, 20, flutes=2),
    ItemSpec("Pilot drill 10 3xD", "Drill", "Nordel", "NP-10-3D", 71.0, 5, 0, "", 1, 5, coating="TiAlN", flutes=2),
    ItemSpec("Deep drill 10 12xD", "Drill", "Nordel", "ND-10-12D", 189.0, 5, 0, "", 1, 5, coating="TiAlN", flutes=2),
    ItemSpec("Drill 5.0 5xD", "Drill", "Nordel", "ND-050-5D", 38.0, 8, 2, MILLS, 3, 8, coating="TiAlN", flutes=2),
    ItemSpec("Drill 5.5 5xD", "Drill", "Nordel", "ND-055-5D", 38.0, 5, 1, MILLS, 1, 5, coating="TiAlN", flutes=2),
    ItemSpec("Drill 6.8 5xD", "Drill", "Nordel", "ND-068-5D", 41.0, 5, 1, MILLS, 1, 5, coating="TiAlN", flutes=2),
    ItemSpec("Drill 8.5 5xD", "Drill", "Nordel", "ND-085-5D", 46.0, 5, 2, MILLS, 1, 5, coating="TiAlN", flutes=2),
    ItemSpec("Drill 9.8 3xD", "Drill", "Nordel", "ND-098-3D", 44.0, 5, 1, MILLS, 1, 5, coating="TiAlN", flutes=2),
    ItemSpec("Drill 10.2 5xD", "Drill", "Nordel", "ND-102-5D", 54.0, 7, 2, MILLS, 2, 8, coating="TiAlN", flutes=2),
    ItemSpec("Drill 11.2 3xD", "Drill", "Nordel", "ND-112-3D", 57.0, 6, 0, "", 2, 8, coating="TiAlN", flutes=2),
    ItemSpec("Drill 14 5xD", "Drill", "Nordel", "ND-140-5D", 83.0, 6, 0, "", 2, 8, coating="TiAlN", flutes=2),
    ItemSpec("Tap M8 spiral", "Tap", "Nordel", "NT-M8-SP", 34.0, 6, 2, MILLS, 2, 8, coating="TiN", flutes=3),
    ItemSpec("Thread former M6", "Tap", "Nordel", "NF-M6", 37.0, 7, 2, MILLS, 2, 8, coating="TiN"),
    ItemSpec("Thread former M12", "Tap", "Nordel", "NF-M12", 62.0, 8, 0, "", 3, 8, coating="TiN"),
    ItemSpec("Reamer 12 H7", "Reamer", "Nordel", "NRM-12H7", 98.0, 5, 0, "", 1, 5, flutes=6),
    ItemSpec("Reamer 18 H7", "Reamer", "Nordel", "NRM-18H7", 134.0, 5, 0, "", 1, 3, flutes=6),
    ItemSpec(
        "Reamer 10 H7",
        "Reamer",
        "Nordel",
        "NRM-10H7-S",
        86.0,
        3,
        0,
        "",
        1,
        4,
        flutes=6,
        lead_time=42,
        notes="Ground to 10.008.",
    ),
)

MEASURING = (
    ItemSpec("Touch probe, infrared", "Probe", "Metrikon", "MP-20 IR", 3_950.0, durable=True),
    ItemSpec("Touch probe, radio", "Probe", "Metrikon", "MP-40 R", 5_400.0, durable=True),
    ItemSpec("Stylus M4, ruby 3", "Stylus", "Metrikon", "A-M4-R3-50", 78.0, 2, reorder_point=1, order_qty=2),
    ItemSpec("Stylus M4, ruby 4", "Stylus", "Metrikon", "A-M4-R4-50", 74.0, 2, reorder_point=1, order_qty=2),
    ItemSpec("Stylus M4, ruby 6", "Stylus", "Metrikon", "A-M4-R6-50", 81.0, 3, reorder_point=1, order_qty=2),
    ItemSpec(
        "Battery 1/2 AA 3.6 V", "Battery", "Metrikon", "B-12AA", 6.5, 14, reorder_point=4, order_qty=10, lead_time=3
    ),
    ItemSpec("Coolant filter 25 µm", "Filter", "Filtrex", "CF-25-400", 17.0, 8, reorder_point=4, order_qty=8),
)

HOLDERS = tuple(
    ItemSpec(name, "Holder", "Holdan", part_number, price, stock, torque=torque, durable=True)
    for name, part_number, price, stock, torque in (
        ("Collet chuck ER25", "SK40-ER25-70", 118.0, 2, 104.0),
        ("Collet chuck ER32", "SK40-ER32-70", 126.0, 1, 136.0),
        ("Hydraulic chuck 12", "SK40-HC12-80", 310.0, 1, 6.0),
        ("Hydraulic chuck 20", "SK40-HC20-80", 345.0, 0, 10.0),
        ("Weldon chuck 16", "SK40-WE16-63", 84.0, 1, 25.0),
        ("Weldon chuck 20", "SK40-WE20-63", 89.0, 1, 32.0),
        ("Shrink-fit chuck 8", "SK40-TS08-80", 132.0, 1, None),
        ("Shrink-fit chuck 10", "SK40-TS10-80", 132.0, 0, None),
        ("Shrink-fit chuck 20", "SK40-TS20-90", 148.0, 0, None),
        ("Tapping chuck", "SK40-TC12", 265.0, 1, 40.0),
        ("Face mill body 40, 4 inserts", "FM-40-4-ON05", 288.0, 0, 28.0),
        ("Face mill body 50, 5 inserts", "FM-50-5-SE11", 295.0, 1, 45.0),
        ("Face mill body 63, 6 inserts", "FM-63-6-SE12", 340.0, 0, 45.0),
        ("Shoulder mill body 32, 3 inserts", "SM-32-3-AP10", 215.0, 0, 28.0),
        ("Boring head 20-36", "BH-20-36", 690.0, 0, 12.0),
        ("Twin boring head 36-48", "TB-36-48", 740.0, 0, 12.0),
        ("Fine boring head 33-42", "FB-33-42", 1_480.0, 0, 12.0),
        ("Fine boring head 36-46", "FB-36-46", 1_520.0, 0, 12.0),
        ("Indexable drill body 17 3xD", "ID-17-3D", 248.0, 0, None),
        ("Indexable drill body 21 3xD", "ID-21-3D", 262.0, 0, None),
        ("Turning holder PCLNL 2525", "PCLNL 2525M12", 96.0, 1, None),
        ("Turning holder SDJCL 2525", "SDJCL 2525M11", 94.0, 1, None),
        ("Grooving holder 3 mm", "GH-2525-3", 142.0, 0, None),
        ("Grooving bar 16, internal", "GB-16-I", 168.0, 0, None),
        ("Thread holder 16, external", "TH-2525-16ER", 104.0, 1, None),
        ("Parting blade 26, 3 mm", "PB-26-3", 88.0, 1, None),
        ("Boring bar 12, steel", "A12K-STFCL06", 92.0, 1, None),
        ("Bar puller 10-65", "BP-10-65", 410.0, 0, None),
        ("Floating reamer holder", "FR-ER20-VDI30", 365.0, 0, 80.0),
        ("Collet holder ER20, turret", "VDI30-ER20", 155.0, 1, 80.0),
        ("Live tool ER20, axial", "VDI30-LT-AX", 1_240.0, 0, 80.0),
        ("Live tool ER20, radial", "VDI30-LT-RA", 1_380.0, 0, 80.0),
    )
)

ITEMS = {each.name: each for each in (*INSERTS, *CUTTERS, *MEASURING, *HOLDERS)}
