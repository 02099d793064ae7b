"""What development, tests and the demo need around the product; never deployed. Standard library only."""
