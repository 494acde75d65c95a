"""What is labelled: flow records, and connections in packet captures."""
