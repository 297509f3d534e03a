"""Numbers out: one query object for pages and exports, and how fresh every answer is."""
