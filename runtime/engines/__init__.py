"""Engines, one file each: load a component, call it."""
