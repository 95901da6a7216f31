"""The network from the dock of a fulfilment centre to the door of a delivery station.

Knows places and distances, buildings to open, trucks and aircraft between them, means of
transport, sort centres and the heads they need. It knows nothing of routes to doors.
"""
