"""Dead letters: read in chunks, judged anew by today's code, and replayed."""
