// What the keyboard does on every page of the portal.
