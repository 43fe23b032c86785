//! The listener: what clients connect to.
//!
//! Bounds follow Envoy's advice for edge proxies
//! (<https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/best_practices/edge>), with room for what LLM clients
//! do: large bodies, many streams at a time, and streams that are silent while a model thinks. Where they differ:
//!
//! - Headers with underscores pass. Coding agents send such (`session_id`), and the gateway tells them from those with
//!   hyphens.
//! - Slashes are not merged and escaped ones stay: the filter knows every path that is served, byte for byte.
//! - A connection has no longest life: its end would cost clients a request, and idle ones end anyway.

use envoy_types::pb::envoy::config::accesslog::v3::AccessLog;
use envoy_types::pb::envoy::config::accesslog::v3::access_log::ConfigType as AccessLogConfig;
use envoy_types::pb::envoy::config::core::v3::TransportSocket;
use envoy_types::pb::envoy::config::core::v3::http_protocol_options::HeadersWithUnderscoresAction;
use envoy_types::pb::envoy::config::core::v3::substitution_format_string::Format;
use envoy_types::pb::envoy::config::core::v3::transport_socket::ConfigType as SocketConfig;
use envoy_types::pb::envoy::config::core::v3::{
    CidrRange, Http2ProtocolOptions, HttpProtocolOptions, SubstitutionFormatString,
};
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType as NetworkFilterConfig;
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener};
use envoy_types::pb::envoy::extensions::access_loggers::stream::v3::StdoutAccessLog;
use envoy_types::pb::envoy::extensions::access_loggers::stream::v3::stdout_access_log::AccessLogFormat;
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::{
    CodecType, InternalAddressConfig, PathWithEscapedSlashesAction, RouteSpecifier, ServerHeaderTransformation,
    UpgradeConfig,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, Rds,
};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::common_tls_context::ValidationContextType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::tls_parameters::TlsProtocol;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CommonTlsContext, DownstreamTlsContext, TlsParameters,
};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Any, BoolValue, Struct, Value};

use super::proto::{ads, extension, pack, seconds, socket, u32_value};
use super::{LISTENER, ROUTE_TABLE, Settings, filter, local_reply, secret};
use crate::listener_tls::TlsMaterial;

/// A client's connection may hold this much in each direction before Envoy stops reading; bodies that wait for their
/// end have a limit of their own, in the route table.
const CONNECTION_BUFFER_BYTES: u32 = 1 << 20;

/// A request's head, as large as Envoy has it by default.
const HEAD_KIB_MAX: u32 = 60;
/// The headers of one request.
const HEADERS_MAX: u32 = 100;
/// A connection without a request is closed after so long.
const CONNECTION_IDLE_SECONDS: u32 = 3_600;
/// Requests at a time on one connection of HTTP/2. What all of them send is bounded by the connection's window.
const STREAMS_MAX: u32 = 1_000;
/// What a client may send on one stream before Envoy has taken it, and on all of a connection together.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// See [`STREAM_WINDOW_BYTES`].
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// How long clients may take, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From a request's first byte to the end of its head, and for TLS.
    pub head_seconds: u32,
    /// Without a byte, while the request is not complete; routes allow replies more.
    pub idle_seconds: u32,
    /// Until the request is complete or its reply has begun.
    pub request_seconds: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head_seconds: 10, idle_seconds: 300, request_seconds: 3_600 }
    }
}

/// The secret of the listener's certificate.
const CERTIFICATE: &str = "listener/certificate";
/// The secret of the authorities of clients' certificates.
const CLIENT_CA: &str = "listener/client-ca";

/// The gateway's listener.
pub(super) fn gateway(settings: &Settings) -> Any {
    let filter = Filter {
        name: "envoy.filters.network.http_connection_manager".into(),
        config_type: Some(NetworkFilterConfig::TypedConfig(pack(&connection_manager(settings)))),
    };
    let transport_socket = settings.listen_tls.as_ref().map(|tls| self::tls(&tls.current()));
    pack(&Listener {
        name: LISTENER.into(),
        address: Some(socket(&settings.listen.ip().to_string(), settings.listen.port())),
        filter_chains: vec![FilterChain {
            filters: vec![filter],
            // Without it, who never shakes hands would hold a connection as long as it likes.
            transport_socket_connect_timeout: transport_socket
                .as_ref()
                .and_then(|_| seconds(settings.patience.head_seconds)),
            transport_socket,
            ..Default::default()
        }],
        per_connection_buffer_limit_bytes: u32_value(CONNECTION_BUFFER_BYTES),
        ..Default::default()
    })
}

/// The secrets that the listener refers to, by name.
pub(super) fn secrets(material: &TlsMaterial) -> Vec<(&'static str, Any)> {
    let certificate = secret::certificate(CERTIFICATE, &material.certificate, &material.key);
    let client_ca = material.client_ca.as_deref().map(|bundle| (CLIENT_CA, secret::authorities(CLIENT_CA, bundle)));
    std::iter::once((CERTIFICATE, certificate)).chain(client_ca).collect()
}

/// TLS with clients. What is in it does not change with the files, which are secrets.
fn tls(material: &TlsMaterial) -> TransportSocket {
    let demanded = material.client_ca.is_some();
    let common = CommonTlsContext {
        tls_params: Some(TlsParameters {
            tls_minimum_protocol_version: TlsProtocol::TlSv12.into(),
            ..Default::default()
        }),
        alpn_protocols: vec!["h2".to_owned(), "http/1.1".to_owned()],
        tls_certificate_sds_secret_configs: vec![secret::by_name(CERTIFICATE)],
        validation_context_type: demanded
            .then(|| ValidationContextType::ValidationContextSdsSecretConfig(secret::by_name(CLIENT_CA))),
        ..Default::default()
    };
    let context = DownstreamTlsContext {
        common_tls_context: Some(common),
        require_client_certificate: Some(BoolValue { value: demanded }),
        ..Default::default()
    };
    let extension = extension("envoy.transport_sockets.tls", pack(&context));
    TransportSocket { name: extension.name, config_type: extension.typed_config.map(SocketConfig::TypedConfig) }
}

fn connection_manager(settings: &Settings) -> HttpConnectionManager {
    let yes = Some(BoolValue { value: true });
    let router = HttpFilter {
        name: "envoy.filters.http.router".into(),
        // Without this Envoy tells backends of its timeouts and attempts.
        config_type: Some(ConfigType::TypedConfig(pack(&Router {
            suppress_envoy_headers: true,
            ..Default::default()
        }))),
        ..Default::default()
    };
    HttpConnectionManager {
        codec_type: CodecType::Auto.into(),
        stat_prefix: LISTENER.into(),
        route_specifier: Some(RouteSpecifier::Rds(Rds {
            config_source: Some(ads()),
            route_config_name: ROUTE_TABLE.into(),
        })),
        http_filters: vec![filter::gateway_reference(), router],
        local_reply_config: Some(local_reply::config(settings.max_body_bytes, HEAD_KIB_MAX, HEADERS_MAX)),
        use_remote_address: yes,
        skip_xff_append: true,
        // Nobody is internal: Envoy would obey the x-envoy-* headers of internal clients. An empty list would mean the
        // private networks, so the list names an address that no client has.
        internal_address_config: Some(InternalAddressConfig {
            cidr_ranges: vec![CidrRange { address_prefix: "255.255.255.255".into(), prefix_len: u32_value(32) }],
            ..Default::default()
        }),
        // The filter chooses request ids.
        generate_request_id: Some(BoolValue { value: false }),
        preserve_external_request_id: true,
        normalize_path: yes,
        // Model and file ids may contain an escaped slash.
        path_with_escaped_slashes_action: PathWithEscapedSlashesAction::KeepUnchanged.into(),
        server_header_transformation: ServerHeaderTransformation::PassThrough.into(),
        upgrade_configs: vec![UpgradeConfig { upgrade_type: "websocket".into(), ..Default::default() }],
        common_http_protocol_options: Some(HttpProtocolOptions {
            idle_timeout: seconds(CONNECTION_IDLE_SECONDS),
            max_headers_count: u32_value(HEADERS_MAX),
            headers_with_underscores_action: HeadersWithUnderscoresAction::Allow.into(),
            ..Default::default()
        }),
        max_request_headers_kb: u32_value(HEAD_KIB_MAX),
        http2_protocol_options: Some(Http2ProtocolOptions {
            max_concurrent_streams: u32_value(STREAMS_MAX),
            initial_stream_window_size: u32_value(STREAM_WINDOW_BYTES),
            initial_connection_window_size: u32_value(CONNECTION_WINDOW_BYTES),
            ..Default::default()
        }),
        request_headers_timeout: seconds(settings.patience.head_seconds),
        stream_idle_timeout: seconds(settings.patience.idle_seconds),
        request_timeout: seconds(settings.patience.request_seconds),
        access_log: if settings.json_logs { vec![access_log()] } else { Vec::new() },
        ..Default::default()
    }
}

/// One JSON line for each request, in the form of the gateway's other events. Never the query: it can hold a key.
fn access_log() -> AccessLog {
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
    let object = |fields: &[(&str, Value)]| Struct {
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    };
    let payload = object(&[
        ("request_id", text("%REQ(x-request-id)%")),
        ("method", text("%REQ(:METHOD)%")),
        ("path", text("%PATH(NQ:PATH)%")),
        ("status", text("%RESPONSE_CODE%")),
        ("backend", text("%RESP(x-ditto-backend)%")),
        ("body_len", text("%BYTES_RECEIVED%")),
        ("response_len", text("%BYTES_SENT%")),
        ("duration_ms", text("%DURATION%")),
        ("detail", text("%RESPONSE_CODE_DETAILS%")),
    ]);
    let line = object(&[
        ("ts_ms", text("%START_TIME(%s%3f)%")),
        ("event", text("proxy.response")),
        ("payload", Value { kind: Some(Kind::StructValue(payload)) }),
    ]);
    let format = SubstitutionFormatString { format: Some(Format::JsonFormat(line)), ..Default::default() };
    AccessLog {
        name: "envoy.access_loggers.stdout".into(),
        config_type: Some(AccessLogConfig::TypedConfig(pack(&StdoutAccessLog {
            access_log_format: Some(AccessLogFormat::LogFormat(format)),
        }))),
        ..Default::default()
    }
}
