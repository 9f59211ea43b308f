package expr

// cause is why an evaluation has no value.
type cause uint8

const (
	noCause cause = iota
	internal
	// The first group is Absent.
	noSuchKey
	outOfRange
	noOptional
	// The second is Failed.
	noOverload
	badIndex
	badKey
	divideByZero
	moduloByZero
	overflow
	tooLarge
	// What JSON cannot hold.
	notFinite
	keyNoString
	hasOptional

	numCauses
)

var causes = [numCauses]string{
	internal:     "internal error",
	noSuchKey:    "no such key",
	outOfRange:   "index out of range",
	noOptional:   "optional has no value",
	noOverload:   "no such overload",
	badIndex:     "unsupported index of a list",
	badKey:       "unsupported key of a map",
	divideByZero: "division by zero",
	moduloByZero: "modulus by zero",
	overflow:     "integer overflow",
	tooLarge:     "result too large",
	notFinite:    "not a finite number",
	keyNoString:  "key of a map is no string",
	hasOptional:  "optional inside a list or map",
}

// outcome is the class of a cause.
func (c cause) outcome() Outcome {
	switch c {
	case noSuchKey, outOfRange, noOptional:
		return Absent
	}
	return Failed
}

// fail makes an error value. detail names the key or the operation; it is put
// together with the cause only when the error gets out.
func fail(c cause, detail string) Value {
	return Value{kind: failure, num: uint64(c), str: detail}
}

func (v *Value) failed() bool { return v.kind == failure }

// cause is the text of an error value, shortened: it may hold a key of any
// length.
func (v *Value) cause() string {
	const maxDetail = 64
	detail := v.str
	if len(detail) > maxDetail {
		cut := maxDetail
		for cut > 0 && detail[cut]&0xC0 == 0x80 {
			cut--
		}
		detail = detail[:cut] + "..."
	}
	if detail == "" {
		return causes[v.num]
	}
	return causes[v.num] + ": " + detail
}
