"""What events mean: pure folds, their tables, and the store that reads and writes them."""
