"""The trainer: from a picture to a rule folder.

The only floor that imports torch, and only once `planaria train` runs. `train.py` holds the one training loop,
`session.py` the way from the first word to the exported rule, `model.py` the oracle that every faster kernel is held
to. It imports firmware_sim and never the coordinator; nothing imports it.
"""
