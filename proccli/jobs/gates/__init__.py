"""The gates between a process and its label, in the order in which it comes to them."""
