"""The chip: what one cell computes and what it costs.

`rule.py` holds the numerics in float and is the file to read first; `genome.py` turns a rule into bytes, `chip.py`
computes with those bytes, `folder.py` keeps both on disk.  This floor knows no process, no socket, no clock and no
torch; it imports nothing from the floors above it (`cellnode`, `coordinator`, `trainer`).
"""
