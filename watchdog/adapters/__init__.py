"""The world: one library or product a file, one plugin kind a module of a family's folder."""
