"""Teaches the weights of byzantine cells: what a traitor must compute to harm the honest cells around it most.

The victim's rule stands still; the adversary's is a rule of the same kind, so that whatever runs rules runs it. Imports
nothing.
"""
