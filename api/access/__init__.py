"""Who may call what: keys, roles, and the guard before every route."""
