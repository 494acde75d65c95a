"""proccli: what the DeepFlow agent would report about the processes of a machine, and why."""

__version__ = "0.1.0"
