// The headers are the whole of this target; a C target needs one source file.
