package cel

import (
	"reflect"
	"strings"
	"testing"
)

func TestSplitTemplate(t *testing.T) {
	lit := func(s string, at int) TemplatePart { return TemplatePart{Text: s, Offset: at} }
	cel := func(s string, at int) TemplatePart { return TemplatePart{Text: s, Expr: true, Offset: at} }
	for in, want := range map[string][]TemplatePart{
		"":                        nil,
		"text":                    {lit("text", 0)},
		"${a}":                    {cel("a", 2)},
		"${  a.b\n }":             {cel("a.b", 4)},
		"/v1/${a}/x/${b}":         {lit("/v1/", 0), cel("a", 6), lit("/x/", 8), cel("b", 13)},
		"${a}${b}":                {cel("a", 2), cel("b", 6)},
		"$":                       {lit("$", 0)},
		"$5 and {x}":              {lit("$5 and {x}", 0)},
		"$${a}":                   {lit("${a}", 0)},
		"a$${b}${c}":              {lit("a${b}", 0), cel("c", 8)},
		"$$${a}":                  {lit("$${a}", 0)},
		"é${a}é":                  {lit("é", 0), cel("a", 4), lit("é", 6)},
		`${{"a": {"b": 1}}.a}`:    {cel(`{"a": {"b": 1}}.a`, 2)},
		`${"}"}`:                  {cel(`"}"`, 2)},
		`${'\'}'}`:                {cel(`'\'}'`, 2)},
		`${r"\"}`:                 {cel(`r"\"`, 2)},
		`${R'\'}`:                 {cel(`R'\'`, 2)},
		`${br"\"}`:                {cel(`br"\"`, 2)},
		`${b"\"}"}`:               {cel(`b"\"}"`, 2)},
		`${bar"\"}"}`:             {cel(`bar"\"}"`, 2)},
		`${"""a"}""b"""}`:         {cel(`"""a"}""b"""`, 2)},
		"${'''\n}\n'''}":          {cel("'''\n}\n'''", 2)},
		`${r'''\'''}`:             {cel(`r'''\'''`, 2)},
		`${""}`:                   {cel(`""`, 2)},
		"${a // it's }\n}":        {cel("a // it's }", 2)},
		"${a.`x-}'y`}":            {cel("a.`x-}'y`", 2)},
		"${a / b}":                {cel("a / b", 2)},
		`${a["}"] + {'x':"{"}.x}`: {cel(`a["}"] + {'x':"{"}.x`, 2)},
	} {
		got, issue := SplitTemplate(in)
		if issue != nil {
			t.Errorf("%q: %+v", in, issue)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\ngot  %+v\nwant %+v", in, got, want)
		}
	}
}

func TestSplitTemplateIssues(t *testing.T) {
	for in, want := range map[string]Issue{
		"x ${a":          {2, CodeTemplate, "${ without an end", yamlHint},
		"${a ? {b":       {0, CodeTemplate, "${ without an end", yamlHint},
		"${":             {0, CodeTemplate, "${ without an end", yamlHint},
		`${"a}`:          {2, CodeTemplate, "string without an end", yamlHint},
		`${r"a\}`:        {3, CodeTemplate, "string without an end", yamlHint},
		"${'a\n'}":       {2, CodeTemplate, "string without an end", yamlHint},
		`${"""a"}`:       {2, CodeTemplate, "string without an end", yamlHint},
		`${"\`:           {2, CodeTemplate, "string without an end", yamlHint},
		"${a // no end}": {0, CodeTemplate, "${ without an end", "a // comment goes on to the end of the line, } included"},
		"a ${ }":         {2, CodeEmpty, "empty expression", "for a literal ${ write $${"},
	} {
		parts, issue := SplitTemplate(in)
		if issue == nil {
			t.Errorf("%q: no issue, but %+v", in, parts)
		} else if *issue != want {
			t.Errorf("%q: got %+v, want %+v", in, *issue, want)
		}
	}
}

// FuzzSplitTemplate: no panic, and the parts are the text again.
func FuzzSplitTemplate(f *testing.F) {
	for _, s := range []string{"a${b}c", "$${", `${r"\"}`, "${'''}'''}", "${{}}", "${`}`}", "${a//\n}", "\xff${\xff}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts, issue := SplitTemplate(s)
		if issue != nil {
			if issue.Offset < 0 || issue.Offset >= len(s) {
				t.Fatalf("issue outside of the text: %+v", issue)
			}
			return
		}
		for i, p := range parts {
			if p.Text == "" || !p.Expr && i > 0 && !parts[i-1].Expr {
				t.Fatalf("part %d of %q: %+v", i, s, parts)
			}
			raw := s[p.Offset:]
			if !p.Expr {
				raw = strings.ReplaceAll(raw, "$${", "${")
			}
			if !strings.HasPrefix(raw, p.Text) {
				t.Fatalf("part %d of %q is not at its offset: %+v", i, s, p)
			}
		}
	})
}
