package sqlite

// Busy reports whether a write failed because other processes kept the file for too long.
var Busy = busy
