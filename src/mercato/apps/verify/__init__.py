"""`mercato verify`: every figure recomputed from what explains it. One file for each group of invariants."""
