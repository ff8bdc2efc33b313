"""Where people are told: one kind a file, named as `use:` names it."""
