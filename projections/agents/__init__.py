"""Agents: what one subject's events mean for another, told as events with derived ids."""
