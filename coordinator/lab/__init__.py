"""A network of hosts on one machine: namespaces joined by a bridge, with power switches, cuts, loss and delay.

For `planaria run --hosts N --netns` and the tests; nothing else may depend on it. Needs root, Linux, iproute2, nftables
and util-linux. It knows no cell and no swarm.
"""
