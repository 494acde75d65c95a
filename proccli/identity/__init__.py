"""Server versions; see `proccli.server.gprocess` for gprocess ids."""
