"""Other systems doing the same fold over the same events, each as its own documentation teaches."""
