"""Pages that open from disk: one HTML file each, with no server, no network and no address to fetch."""
