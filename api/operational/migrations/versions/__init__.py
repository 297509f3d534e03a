"""The revisions, in the order of their numbers; what is released is never changed."""
