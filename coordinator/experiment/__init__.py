"""Experiments: a hypothesis as a file, many swarms, a verdict with intervals (`planaria experiment`).

`spec` reads the file, `carry` runs its replicates over cores and keeps every row, `outcome` says what became of one
swarm, `verdict` what follows from many; `threshold` and `shrink` search. May import the rest of the coordinator.
"""
