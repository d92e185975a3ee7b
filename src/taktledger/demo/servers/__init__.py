"""How the simulated controls speak to the network: each protocol with its addresses, and a server that uses them."""
