"""The command line, one thin module a command on top of the API; loaded only when the command is used."""
