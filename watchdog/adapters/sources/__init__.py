"""What can be watched: one source kind a module, named as `use:` names it."""
