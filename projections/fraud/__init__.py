"""Fraud: what a person should look at. It decides nothing and withholds nothing."""
