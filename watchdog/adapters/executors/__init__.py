"""How a step is done: one kind a file, named as `use:` names it."""
