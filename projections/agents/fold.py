"""The agents' fold with every handler in it: importing this is what registers them."""

from projections.agents import forwarding, projects, tasks, tokens
from projections.agents.state import agents

__all__ = ["agents", "forwarding", "projects", "tasks", "tokens"]
