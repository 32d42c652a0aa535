"""One cell of the swarm, the process it lives in, and the agent of the host it lives on.

This floor knows the chip below it (`firmware_sim`) and nothing above it. `cell.py` is the state machine, without
socket, clock or random source; `frame.py` the bytes between cells; `patch.py` the batch twin; `virtual.py` seeded
virtual time; `node.py` the ZeroMQ process; `zygote.py` and `agent.py` fork, feed and watch the cells of one host;
`panel.py` the shared memory the camera reads.
"""
