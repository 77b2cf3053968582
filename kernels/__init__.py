"""Ops, one declaration each. Kept free of imports: other packages probe for a module called `kernels`."""
