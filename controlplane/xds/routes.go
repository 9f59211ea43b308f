package xds

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/tutti-mesh/tutti/filter/plan"
)

// idleMargin is added to a policy's budget: a request that the filter never
// answers, which would be a bug, ends then. Wide, because the same timer ends
// a client that is slow to read.
const idleMargin = 30 * time.Second

// retryOn are the failures before which nothing of a request was sent, so that
// a second try is safe whatever the method.
const retryOn = "connect-failure,refused-stream,reset-before-request"

// Routes makes the route configuration: the policies in their order of
// precedence, then everything else to the service.
func Routes(policies []plan.Policy) (*route.RouteConfiguration, error) {
	var routes []*route.Route
	for i := range policies {
		r, err := policyRoute(&policies[i])
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", policies[i].Name, err)
		}
		routes = append(routes, r)
	}
	routes = append(routes, &route.Route{
		Name:   LocalCluster,
		Match:  &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: "/"}},
		Action: toLocal(0),
	})
	return &route.RouteConfiguration{
		Name: InboundName,
		VirtualHosts: []*route.VirtualHost{{
			Name: InboundName, Domains: []string{"*"}, Routes: routes,
		}},
		// The mark tells the filter that an answer is an upstream's own. A client
		// that is such a filter must not take it from anyone but its own Envoy.
		ResponseHeadersToRemove: []string{plan.MarkHeader},
	}, nil
}

func policyRoute(p *plan.Policy) (*route.Route, error) {
	match, err := routeMatch(&p.Match)
	if err != nil {
		return nil, err
	}
	enabled := &route.FilterConfig{Config: &anypb.Any{}}
	r := &route.Route{
		Name:   p.Name,
		Match:  match,
		Action: toLocal(time.Duration(p.TimeoutMS)*time.Millisecond + idleMargin),
		TypedPerFilterConfig: map[string]*anypb.Any{
			FilterName: packed(enabled),
		},
	}
	if p.Limits.RequestBytes > 0 {
		// One more than the policy allows: the filter has to see that it is too
		// much, to say so in its own words.
		r.RequestBodyBufferLimit = wrapperspb.UInt64(uint64(max(bufferLimit, p.Limits.RequestBytes+1)))
	}
	return r, nil
}

// toLocal sends a request to the service. There is no time limit on the answer,
// because there would be none without the sidecar; idle zero leaves it to the
// connection manager.
func toLocal(idle time.Duration) *route.Route_Route {
	a := &route.RouteAction{
		ClusterSpecifier: &route.RouteAction_Cluster{Cluster: LocalCluster},
		Timeout:          seconds(0),
		RetryPolicy:      &route.RetryPolicy{RetryOn: retryOn, NumRetries: wrapperspb.UInt32(1)},
	}
	if idle > 0 {
		a.IdleTimeout = durationpb.New(idle)
	}
	return &route.Route_Route{Route: a}
}

func routeMatch(m *plan.Match) (*route.RouteMatch, error) {
	out := &route.RouteMatch{}
	if text, isRegex := pathPattern(m.Path); isRegex {
		if _, err := regexp.Compile(text); err != nil {
			return nil, fmt.Errorf("path: %w", err)
		}
		out.PathSpecifier = &route.RouteMatch_SafeRegex{SafeRegex: regex(text)}
	} else {
		out.PathSpecifier = &route.RouteMatch_Path{Path: text}
	}
	switch len(m.Methods) {
	case 0:
	case 1:
		out.Headers = append(out.Headers, exactHeader(":method", m.Methods[0]))
	default:
		quoted := make([]string, len(m.Methods))
		for i, method := range m.Methods {
			quoted[i] = regexp.QuoteMeta(method)
		}
		out.Headers = append(out.Headers, &route.HeaderMatcher{
			Name: ":method",
			HeaderMatchSpecifier: &route.HeaderMatcher_StringMatch{StringMatch: &matcher.StringMatcher{
				MatchPattern: &matcher.StringMatcher_SafeRegex{SafeRegex: regex(strings.Join(quoted, "|"))},
			}},
		})
	}
	for _, h := range m.Headers {
		if h.Present {
			out.Headers = append(out.Headers, &route.HeaderMatcher{
				Name:                 h.Name,
				HeaderMatchSpecifier: &route.HeaderMatcher_PresentMatch{PresentMatch: true},
			})
			continue
		}
		out.Headers = append(out.Headers, exactHeader(h.Name, h.Value))
	}
	return out, nil
}

// pathPattern is a path template as an exact path or as a regular expression
// that has to match all of the path. The filter's own matching (engine) agrees
// with it.
func pathPattern(path []plan.Segment) (text string, isRegex bool) {
	for i := range path {
		isRegex = isRegex || path[i].Param != ""
	}
	var b strings.Builder
	for i := range path {
		s := &path[i]
		b.WriteByte('/')
		switch {
		case s.Tail:
			b.WriteString(".*")
		case s.Param != "":
			b.WriteString("[^/]+")
		case isRegex:
			b.WriteString(regexp.QuoteMeta(s.Literal))
		default:
			b.WriteString(s.Literal)
		}
	}
	if len(path) == 0 {
		b.WriteByte('/')
	}
	return b.String(), isRegex
}

func exactHeader(name, value string) *route.HeaderMatcher {
	return &route.HeaderMatcher{
		Name: name,
		HeaderMatchSpecifier: &route.HeaderMatcher_StringMatch{StringMatch: &matcher.StringMatcher{
			MatchPattern: &matcher.StringMatcher_Exact{Exact: value},
		}},
	}
}

func regex(text string) *matcher.RegexMatcher {
	return &matcher.RegexMatcher{Regex: text}
}
