"""Real systems for tests and benchmarks: one module per system, all on 127.0.0.1 and gone afterwards.

Every peer is a context manager that yields a small driver.  Its far end is the real program, never an
imitation (the two that imitate, `smtp_sink` and `recorder`, exist to misbehave on purpose).
"""
