// Package cel is the expression part of the policy language: it finds the
// ${...} in a string, checks the expressions in them with cel-go and turns them
// into the trees that filter/expr evaluates.
//
//	"/v1/${request.path_params.id}" --SplitTemplate--> "/v1/", request.path_params.id
//	                                                        |
//	                                   cel-go parses ------>+ ast
//	                                   translate: names, steps, what is supported
//	                                   cel-go checks types
//	                                                        v
//	                                                   *expr.Expr, Uses
//
// # The language
//
// CEL (github.com/google/cel-spec) with these roots:
//
//	request.method  request.path           string
//	request.path_params.NAME               string, one that match.path declares
//	request.query.NAME  request.headers.NAME  string, may be absent
//	request.body                           any JSON, may be absent
//	steps.NAME.status                      int, 0 if no answer came
//	steps.NAME.reason                      string
//	steps.NAME.headers.NAME                string, may be absent
//	steps.NAME.body                        any JSON, may be absent
//
// A header's name is lower-cased here. The containers themselves (request,
// request.headers, steps.NAME, ...) are no values; has(), 'x' in
// request.headers and optional access (.?x, [?'x']) ask about what is in them.
//
// Arithmetic that mixes int, uint and double is allowed beyond CEL; see
// filter/expr. cel-go is the oracle for all else: testdata/differential.txt
// and FuzzDifferential hold both evaluators equal.
package cel
