"""Captures. scapy builds and reads them as a witness, and is loaded here so that it is quiet."""

import logging
import os
from unittest.mock import patch

logging.getLogger("scapy").setLevel(logging.CRITICAL + 1)
# scapy makes ~/.cache/scapy and ~/.config/scapy where it can.
_NO_HOME = dict.fromkeys(
    ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), f"{os.devnull}/none"
)
with patch.dict(os.environ, _NO_HOME):
    import scapy.utils  # noqa: F401
