// The editor of the notes.
