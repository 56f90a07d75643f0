"""What the checks look at, see host.py, which other scenarios share."""

pytest_plugins = ["scenario", "host"]
