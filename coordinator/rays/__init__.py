"""Hosts started by Ray, for `planaria run --launch ray`: placement, supervision and restart are Ray's; nothing else is.

Cells go on speaking ZeroMQ to each other directly. Only these files import Ray, and no process of the coordinator or of
a host does: an actor has an ordinary agent as its one child.
"""
