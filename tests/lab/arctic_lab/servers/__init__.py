"""Small servers for tests, run inside a namespace as processes: python3 -m arctic_lab.servers KIND PORT."""
