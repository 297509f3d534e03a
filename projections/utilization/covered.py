"""SQL for time in which at least one interval runs, from the edges of all that come and go."""


def edges_of(start: str, end: str) -> str:
    """The two edges of an interval (expressions in µs, and its `sign`), an integer each.

    Twice the instant, and one more where an interval comes: integers sort faster than pairs.
    """
    return f"[2 * {start} + (sign > 0), 2 * {end} + (sign < 0)]"


def covered_ms(edges: str) -> str:
    """Milliseconds covered at least once, from sorted edges.

    depth   1   2   1   0    1   0      sums of the changes, in the order of the instants
            |---|---|---|    |---|
    counts  ============     ====
    """
    return (
        "intDiv(arraySum((edge, next, depth) -> if(depth > 0, "
        "bitShiftRight(next, 1) - bitShiftRight(edge, 1), 0), "
        f"arrayPopBack({edges}), arrayPopFront({edges}), "
        f"arrayPopBack(arrayCumSum(edge -> 2 * bitAnd(edge, 1) - 1, {edges}))), 1000)"
    )
