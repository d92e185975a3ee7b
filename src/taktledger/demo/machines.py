"""The four machines of the demo shop, in the month of history as on the live floor."""

from taktledger.demo.lathe_1 import LATHE_1
from taktledger.demo.mill_1 import MILL_1
from taktledger.demo.mill_2 import MILL_2
from taktledger.demo.mill_5ax import MILL_5AX

MACHINES = (MILL_1, MILL_2, LATHE_1, MILL_5AX)
