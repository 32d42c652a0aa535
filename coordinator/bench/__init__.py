"""Benchmarks behind `planaria bench`: every figure the documentation states, and the command that repeats it.

Each module measures one thing and returns plain numbers; speeds are ratios against a named alternative measured in the
same run. Nothing here is imported by a swarm. May import everything below `coordinator` and `coordinator` itself.
"""
