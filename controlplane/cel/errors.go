package cel

import (
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// celIssues turns cel-go's errors into issues of one line. Of several syntax
// errors only the first counts: the parser has lost its way after it.
func celIssues(src string, problems *cel.Issues) []Issue {
	var issues []Issue
	for _, e := range problems.Errors() {
		message, _, _ := strings.Cut(e.Message, "\n")
		if strings.Contains(message, "recursion") {
			return []Issue{tooComplex("expression: nested too deep")}
		}
		if strings.Contains(message, "!error!") || strings.Contains(message, "tutti.") ||
			strings.HasPrefix(message, "undeclared reference") {
			continue // translate has said it better
		}
		issue := typeIssue(message)
		issue.Offset = atName(src, byteOffset(src, e.Location.Line(), e.Location.Column()))
		issues = append(issues, issue)
	}
	issues = inOrder(issues)
	if len(issues) > 0 && issues[0].Code == CodeSyntax {
		if issues[0].Offset >= len(src) {
			issues[0].Message = "the expression ends too early"
		}
		return issues[:1]
	}
	return issues
}

// typeIssue words an error of the checker, or else of the parser.
func typeIssue(message string) Issue {
	const overload, applied = "found no matching overload for '", "' applied to '"
	rest, ok := strings.CutPrefix(message, overload)
	name, types, found := strings.Cut(rest, applied)
	switch {
	case ok && found:
		return overloadIssue(name, strings.TrimSuffix(types, "'"))
	case strings.HasPrefix(message, "expected type '"):
		words := strings.Split(message, "'")
		return Issue{Code: CodeType, Message: "needs " + words[1] + ", not " + words[len(words)-2]}
	case strings.HasPrefix(message, "type '"):
		return Issue{Code: CodeType, Message: strings.Split(message, "'")[1] + " has no members"}
	case strings.HasPrefix(message, "invalid argument to has()"):
		return Issue{Code: CodeSyntax, Message: "has() takes a member", Hint: "has(steps.NAME.body)"}
	}
	return syntaxIssue(strings.TrimPrefix(message, "Syntax error: "))
}

// overloadIssue is about an operator or function whose operands have the wrong
// types; types is (A, B), or A.(B) of a call on A.
func overloadIssue(name, types string) Issue {
	issue := Issue{Code: CodeType}
	symbol, isOperator := operators.FindReverse(name)
	switch {
	case name == operators.Conditional:
		symbol = "? :"
		issue.Hint = "the condition must be a bool, and both results of one type; dyn(x) has any type"
	case name == operators.Index:
		symbol = "[ ]"
	case !isOperator || symbol == "":
		symbol = name + "()"
	case name == operators.Equals || name == operators.NotEquals:
		issue.Hint = "dyn(x) compares with any type"
	}
	types = strings.Replace(types, ".(", ", ", 1)
	types = strings.TrimSuffix(strings.TrimPrefix(types, "("), ")")
	if i := strings.LastIndex(types, ", "); i >= 0 && !strings.Contains(types, "(") {
		types = types[:i] + " and " + types[i+2:]
	}
	issue.Message = symbol + " does not take " + strings.TrimSuffix(types, ", ")
	return issue
}

// syntaxIssue words what ANTLR says.
func syntaxIssue(message string) Issue {
	message, _, _ = strings.Cut(message, " expecting ")
	message, _, _ = strings.Cut(message, " at '<EOF>'")
	issue := Issue{Code: CodeSyntax, Message: message}
	for _, prefix := range []string{"token recognition error at: ", "mismatched input ",
		"extraneous input ", "no viable alternative at input "} {
		token, ok := strings.CutPrefix(message, prefix)
		if !ok {
			continue
		}
		token = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(token, "'"), "'"))
		switch {
		case token == "<EOF>":
			issue.Message = "the expression ends too early"
		case strings.HasPrefix(token, `"`) || strings.HasPrefix(token, "'"):
			issue.Message = "string without an end, or with an unknown escape"
			issue.Hint = `escapes are \n \t \" \\ \uXXXX and so on; r"..." has none`
			if prefix == "extraneous input " {
				issue.Message, issue.Hint = "unexpected "+token, ""
			}
		case token == "=":
			issue.Message, issue.Hint = "unexpected =", "== compares"
		case token == "?":
			issue.Message, issue.Hint = "unexpected ?", "put the inner a ? b : c in parentheses"
		default:
			issue.Message = "unexpected " + token
		}
	}
	return issue
}

// byteOffset converts a line, counted from 1, and a column of code points,
// counted from 0.
func byteOffset(src string, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		n := strings.IndexByte(src[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	for ; column > 0 && at < len(src); column-- {
		_, n := utf8.DecodeRuneInString(src[at:])
		at += n
	}
	return at
}

// atName moves from where cel-go puts a call or selection, the parenthesis or
// the dot, to the name.
func atName(src string, at int) int {
	if at < len(src) && src[at] == '(' {
		name := at
		for name > 0 && isNameByte(src[name-1]) {
			name--
		}
		return name
	}
	if at < len(src) && src[at] == '.' {
		for at < len(src) && strings.IndexByte(".? \t\r\n", src[at]) >= 0 {
			at++
		}
	}
	return at
}

// offset is where a node stands: a call or selection at its name, another
// operation at its operator.
func (t *translator) offset(e ast.Expr) int {
	// has(a.b) is a selection that stands at has.
	if call, ok := t.info.GetMacroCall(e.ID()); ok && e.Kind() == ast.SelectKind && len(call.AsCall().Args()) == 1 {
		e = call.AsCall().Args()[0]
	}
	loc := t.info.GetStartLocation(e.ID())
	return atName(t.src, byteOffset(t.src, loc.Line(), loc.Column()))
}
