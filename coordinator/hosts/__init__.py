"""Swarms over several hosts: who carries which block of the grid, and one picture of them all.

The coordinator's only: cells of different hosts speak to each other directly.
"""
