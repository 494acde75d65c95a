"""Captures: the TCP segments of pcap and pcapng files, and of what tcpdump writes into a pipe."""
