"""What a rule is worth: the article's experiments as a table and a page, in both steps and both families.

`evaluate(folder, options)` is the way in. Needs no torch; may import firmware_sim, cellnode and the coordinator's
pictures.
"""
