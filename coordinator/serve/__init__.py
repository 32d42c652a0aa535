"""The live page: an HTTP and WebSocket server in a process of its own, beside the coordinator, never on the data path.

It looks at a run as any guest does (its own camera, read-only) and acts only through the one vocabulary of actions, so
that a slow browser slows nothing but itself. `wire` and `stage` know no socket; `guard` decides who may come in;
`watch` and `viewer` carry frames; `app` puts it together; `beside` starts it next to a run. May import the
coordinator's guest, actions, faults and run folder; starlette and uvicorn are imported here only.
"""
