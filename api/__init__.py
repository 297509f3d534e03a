"""What people and machines call: the named questions that finance and analysts ask."""
