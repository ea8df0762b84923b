"""The canonical layout of a spec: same tree, same comments, one way to write it."""
