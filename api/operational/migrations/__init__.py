"""How the tables of the operational store came to be what they are, step by step."""
