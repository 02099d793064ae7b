"""What development, tests and the demo need around the product; never deployed.

What ``dev.py`` imports of it needs the standard library only.
"""
