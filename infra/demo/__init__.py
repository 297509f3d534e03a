"""A small built-in history, and what finance sees of it."""
