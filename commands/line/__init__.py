"""The command line itself: every command with its arguments. Nothing here needs the app, so that ``--help`` and completion are quick."""
