"""How the server interprets what agents report: tags, gprocesses, connections and labels."""
