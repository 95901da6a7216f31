"""One module a room: what its page shows, as plain values."""
