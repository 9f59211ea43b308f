package cel

import (
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/tutti-mesh/tutti/filter/expr"
)

// The types of the roots. Their fields are known to provider.
const (
	requestType = "tutti.Request"
	stepsType   = "tutti.Steps"
	stepType    = "tutti.Step"
)

var texts = cel.MapType(cel.StringType, cel.StringType)

var requestFields = map[string]*cel.Type{
	"method": cel.StringType, "path": cel.StringType,
	"path_params": texts, "query": texts, "headers": texts,
	"body": cel.DynType,
}

var stepFields = map[string]*cel.Type{
	"status": cel.IntType, "reason": cel.StringType,
	"headers": texts, "body": cel.DynType,
}

// provider tells cel-go's checker the fields of the roots. It accepts any step
// and any field: translate knows which there are and has better words for it.
// So one environment serves all policies.
type provider struct{ types.Provider }

func (p provider) FindStructType(name string) (*types.Type, bool) {
	switch name {
	case requestType, stepsType, stepType:
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Provider.FindStructType(name)
}

func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	var fields map[string]*cel.Type
	switch name {
	case requestType:
		fields = requestFields
	case stepType:
		fields = stepFields
	case stepsType:
		return &types.FieldType{Type: cel.ObjectType(stepType)}, true
	default:
		return p.Provider.FindStructFieldType(name, field)
	}
	if t := fields[field]; t != nil {
		return &types.FieldType{Type: t}, true
	}
	return &types.FieldType{Type: cel.DynType}, true
}

// environment is what expressions are parsed and checked in. It is made once:
// the standard library alone takes a millisecond.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	opts := []cel.EnvOption{
		cel.OptionalTypes(),
		cel.EnableMacroCallTracking(),
		cel.EnableIdentifierEscapeSyntax(),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(expr.MaxSource),
		cel.Variable("request", cel.ObjectType(requestType)),
		cel.Variable("steps", cel.ObjectType(stepsType)),
	}
	base, err := cel.NewEnv(append(opts, mixedArithmetic()...)...)
	if err != nil {
		return nil, err
	}
	return base.Extend(cel.CustomTypeProvider(provider{base.CELTypeProvider()}))
})

// mixedArithmetic declares what filter/expr computes beyond CEL. Only the
// checker sees it: an int with a uint gives either, hence dyn.
func mixedArithmetic() []cel.EnvOption {
	var opts []cel.EnvOption
	names := map[string]string{operators.Add: "add", operators.Subtract: "subtract",
		operators.Multiply: "multiply", operators.Divide: "divide", operators.Modulo: "modulo"}
	for op, name := range names {
		mixed := func(a, b, result *cel.Type) cel.FunctionOpt {
			id := "tutti_" + name + "_" + a.String() + "_" + b.String()
			return cel.Overload(id, []*cel.Type{a, b}, result)
		}
		overloads := []cel.FunctionOpt{
			mixed(cel.IntType, cel.UintType, cel.DynType),
			mixed(cel.UintType, cel.IntType, cel.DynType),
		}
		if op != operators.Modulo {
			for _, t := range []*cel.Type{cel.IntType, cel.UintType} {
				overloads = append(overloads, mixed(t, cel.DoubleType, cel.DoubleType),
					mixed(cel.DoubleType, t, cel.DoubleType))
			}
		}
		opts = append(opts, cel.Function(op, overloads...))
	}
	return opts
}
