"""Other systems' files become events: a mapping names the columns, the rules judge the rows."""
