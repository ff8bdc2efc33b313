"""Who tells of changes: one kind a module, named as `use:` names it under `changes`."""
