"""The language: one `.avsc` an event, the catalogue, schema ids, the codec, rules on values."""
