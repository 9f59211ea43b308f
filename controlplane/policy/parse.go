package policy

// source is one file, for excerpts and for places inside scalars.
type source struct {
	data []byte
}

// rawScalar is how a scalar was written.
type rawScalar struct {
	src *source
}

// Parse decodes all files. Problems are sorted by file, line and column; the
// same files in any order give the same result.
func Parse(files []File) (Set, []Problem) {
	return Set{}, nil
}
