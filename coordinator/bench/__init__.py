"""Benchmarks behind `planaria bench`: every speed or quality figure the documentation states, with the command to repeat it.

Each module measures one thing and returns plain numbers; speeds are ratios against a named alternative measured in the
same run. Nothing here is imported by a swarm. May import everything below `coordinator` and `coordinator` itself.
"""
