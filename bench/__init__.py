"""How fast the hub is on this machine, beside what the machine itself can do; see docs/benchmarks.md."""
