"""One run: calls in flight, code taken out of completions, verdicts, and the run directory they are written to."""
