package xds

import (
	"time"

	accesslog "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	mutation "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	stream "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	early "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// bufferLimit bounds what Envoy keeps of one connection; a policy's route raises
// it to what the policy allows. Envoy's default, written out because a request's
// body over it is answered with 413.
const bufferLimit = 1 << 20

func seconds(n int) *durationpb.Duration {
	return durationpb.New(time.Duration(n) * time.Second)
}

func inboundListener(sc mesh.Sidecar) (*listener.Listener, error) {
	addr, err := splitAddr("listen", sc.Listen)
	if err != nil {
		return nil, err
	}
	return &listener.Listener{
		Name:                          InboundName,
		Address:                       addr,
		TrafficDirection:              core.TrafficDirection_INBOUND,
		PerConnectionBufferLimitBytes: wrapperspb.UInt32(bufferLimit),
		FilterChains: []*listener.FilterChain{{Filters: []*listener.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listener.Filter_TypedConfig{TypedConfig: packed(connectionManager(sc))},
		}}}},
	}, nil
}

// connectionManager changes as little as it can: the service behind must see
// and answer what it would without the sidecar. Paths are normalized, so that no
// route is passed by with "/a/../b"; slashes are neither merged nor unescaped,
// because to the service "//" and "%2F" may mean something (a policy's
// parameter takes no empty segment and is escaped where it lands).
func connectionManager(sc mesh.Sidecar) *hcm.HttpConnectionManager {
	m := &hcm.HttpConnectionManager{
		StatPrefix: InboundName,
		CodecType:  hcm.HttpConnectionManager_AUTO,
		RouteSpecifier: &hcm.HttpConnectionManager_Rds{Rds: &hcm.Rds{
			ConfigSource: overADS(), RouteConfigName: InboundName,
		}},
		HttpFilters:                  httpFilters(),
		HttpProtocolOptions:          &core.Http1ProtocolOptions{EnableTrailers: true, AcceptHttp_10: true},
		ServerHeaderTransformation:   hcm.HttpConnectionManager_PASS_THROUGH,
		NormalizePath:                wrapperspb.Bool(true),
		PathWithEscapedSlashesAction: hcm.HttpConnectionManager_KEEP_UNCHANGED,
		GenerateRequestId:            wrapperspb.Bool(true),
		PreserveExternalRequestId:    true,
		UseRemoteAddress:             wrapperspb.Bool(sc.Edge),
		RequestHeadersTimeout:        seconds(15),
		StreamIdleTimeout:            seconds(300),
		UpgradeConfigs:               []*hcm.HttpConnectionManager_UpgradeConfig{{UpgradeType: "websocket"}},
	}
	if sc.AccessLog {
		m.AccessLog = []*accesslog.AccessLog{stdoutLog()}
	}
	if sc.Edge {
		// Early, because a route's header matcher must not see it either.
		m.EarlyHeaderMutationExtensions = []*core.TypedExtensionConfig{{
			Name: "envoy.http.early_header_mutation.header_mutation",
			TypedConfig: packed(&early.HeaderMutation{Mutations: []*mutation.HeaderMutation{{
				Action: &mutation.HeaderMutation_Remove{Remove: plan.HopsHeader},
			}}}),
		}}
	}
	return m
}

func httpFilters() []*hcm.HttpFilter {
	return []*hcm.HttpFilter{{
		Name: FilterName,
		// Routes enable it: a request without a policy never enters the VM.
		Disabled: true,
		ConfigType: &hcm.HttpFilter_ConfigDiscovery{ConfigDiscovery: &core.ExtensionConfigSource{
			ConfigSource: overADS(),
			TypeUrls:     []string{wasmType, headerMutationType},
		}},
	}, {
		Name: "envoy.filters.http.router",
		ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: packed(&router.Router{
			// x-envoy-upstream-service-time and its like would tell clients what
			// stands before the service.
			SuppressEnvoyHeaders: true,
		})},
	}}
}

// stdoutLog writes a JSON object for every request, a line each.
func stdoutLog() *accesslog.AccessLog {
	fields := map[string]string{
		"time":           "%START_TIME%",
		"method":         "%REQ(:METHOD)%",
		"path":           "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
		"protocol":       "%PROTOCOL%",
		"status":         "%RESPONSE_CODE%",
		"flags":          "%RESPONSE_FLAGS%",
		"details":        "%RESPONSE_CODE_DETAILS%",
		"bytes_received": "%BYTES_RECEIVED%",
		"bytes_sent":     "%BYTES_SENT%",
		"duration_ms":    "%DURATION%",
		"peer":           "%DOWNSTREAM_REMOTE_ADDRESS%",
		"authority":      "%REQ(:AUTHORITY)%",
		"request_id":     "%REQ(X-REQUEST-ID)%",
		"traceparent":    "%REQ(TRACEPARENT)%",
		"route":          "%ROUTE_NAME%",
		"upstream":       "%UPSTREAM_HOST%",
		// What the filter says of the request; "-" where there is none.
		"policy":  "%FILTER_STATE(wasm.tutti.policy:PLAIN)%",
		"outcome": "%FILTER_STATE(wasm.tutti.outcome:PLAIN)%",
		"step":    "%FILTER_STATE(wasm.tutti.step:PLAIN)%",
	}
	format := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for name, value := range fields {
		format.Fields[name] = structpb.NewStringValue(value)
	}
	return &accesslog.AccessLog{
		Name: "envoy.access_loggers.stdout",
		ConfigType: &accesslog.AccessLog_TypedConfig{TypedConfig: packed(&stream.StdoutAccessLog{
			AccessLogFormat: &stream.StdoutAccessLog_LogFormat{LogFormat: &core.SubstitutionFormatString{
				Format:          &core.SubstitutionFormatString_JsonFormat{JsonFormat: format},
				OmitEmptyValues: true,
			}},
		})},
	}
}
