"""Two people for money: what one asks for waits until a second one has approved it."""
