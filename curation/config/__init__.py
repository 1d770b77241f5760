"""The composition root: knows every floor, imported by none.

Empty on purpose: beat and the supervisor read the schedule beside it without loading Django.
"""
