"""Specs read and rendered: where text comes from, fixes, vocabulary, code pages."""
