"""Sources of processes: the process file system, and processes that are made up."""
