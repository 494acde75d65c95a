"""proccli.pyz: proccli and its dependencies in one file, see `make dist`."""
