"""Adapters: one folder for each external system, behind a port.

Imports of heavy libraries stand at the top of each module; `container` decides when a module is loaded.
"""
