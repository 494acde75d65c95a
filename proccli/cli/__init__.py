"""The command line: reads options, calls one job, hands the result to a renderer."""
