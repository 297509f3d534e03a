"""Events come in: read from the body, judged as a worker would, sent, and only then answered."""
