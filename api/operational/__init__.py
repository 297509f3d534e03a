"""The operational store: what the API itself must remember, in SQL. Never money, never events.

SQLite beside the other data by default, PostgreSQL by setting; all access goes through SQLAlchemy.
"""
