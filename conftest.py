"""Nothing is needed here: the plugin is installed. The file marks the root for `pytest benchmarks/...`."""
