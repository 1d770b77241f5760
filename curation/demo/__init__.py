"""The demo: a fictional community, with invented words, sounds and pictures, and believable faults in them."""
