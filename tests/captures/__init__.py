"""Captures. scapy is loaded here as the program loads it, so that it makes no folders."""

from proccli.captures.library import readers

readers()
