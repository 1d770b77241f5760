"""What a recording or picture is like: one kind of file a module, loaded only where a file of that kind comes in."""
