"""TCP option tracing (TOT): the sending process in TCP option 253, and captured connections."""
