"""`make bench`: the payout worker beside stock Faust and beside the limit, on one machine."""
