"""The source formats, one a file: each turns a file into named columns and chunks of rows (``governance.sheets``).

A module here has ``TITLE``, ``EXTENSIONS``, ``columns(path, settings)`` and ``chunks(path, settings, names)``, where
``settings`` are those that ``columns`` found. Both stream: memory does not grow with the file.
"""
