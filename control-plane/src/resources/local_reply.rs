//! Envoy's own failures in the client's words.
//!
//! Envoy answers in plain text when it cannot reach a backend, runs into a timeout or a limit. These mappers give
//! such answers the status, the body and the headers of the gateway's faults, in the dialect of the path. The
//! filter's own replies carry no response flag and pass unchanged (413 and 408 are told by their status, and say the
//! same in both cases). A head that Envoy cannot read has no path, so that its client hears OpenAI's dialect.

use ditto_llm::dialect::Dialect;
use ditto_llm::fault::Fault;
use envoy_types::pb::envoy::config::accesslog::v3::access_log_filter::FilterSpecifier;
use envoy_types::pb::envoy::config::accesslog::v3::comparison_filter::Op;
use envoy_types::pb::envoy::config::accesslog::v3::extension_filter::ConfigType as ExtensionConfig;
use envoy_types::pb::envoy::config::accesslog::v3::{
    AccessLogFilter, AndFilter, ComparisonFilter, ExtensionFilter, HeaderFilter, ResponseFlagFilter, StatusCodeFilter,
};
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::config::core::v3::substitution_format_string::Format;
use envoy_types::pb::envoy::config::core::v3::{DataSource, RuntimeUInt32, SubstitutionFormatString};
use envoy_types::pb::envoy::config::route::v3::HeaderMatcher;
use envoy_types::pb::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use envoy_types::pb::envoy::extensions::access_loggers::filters::cel::v3::ExpressionFilter;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    LocalReplyConfig, ResponseMapper,
};
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::pb::envoy::r#type::matcher::v3::{RegexMatcher, StringMatcher};

use super::proto::{header, literal, pack, u32_value};
use super::route::request_id_headers;

/// What tells one of Envoy's own replies.
enum Sign {
    /// Response flags: <https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/observability/access_log/usage>.
    Flags(&'static [&'static str]),
    /// The status that Envoy chose.
    Status(u32),
    /// Envoy's word for where a reply comes from, where it has neither a flag nor a status of its own:
    /// <https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/response_code_details>.
    Details(&'static str),
    /// The beginning of that word.
    DetailsOf(&'static str),
}

/// All mappers; the first that fits decides.
pub(super) fn config(max_body_bytes: u64, head_kib_max: u32, headers_max: u32) -> LocalReplyConfig {
    let faults = [
        // Before the flags: of a client that stops in the middle of its request, Envoy says that the stream is idle.
        (Sign::Status(408), Fault::RequestTimeout),
        (Sign::Status(431), Fault::HeadTooLarge { kib: head_kib_max, headers: headers_max }),
        (Sign::DetailsOf("http1."), Fault::InvalidRequest("The request is not valid HTTP/1.1.".into())),
        (Sign::Flags(&["UO"]), Fault::BackendBusy),
        (Sign::Flags(&["UT", "SI", "DT"]), Fault::BackendTimeout),
        (Sign::Flags(&["NR", "NC", "NFCF"]), Fault::NotReady),
        (Sign::Flags(&["OM"]), Fault::Overloaded),
        (Sign::Details("overload"), Fault::Overloaded),
        (Sign::Flags(&["UH", "UF", "UC", "UR", "LR", "URX", "UPE", "DF"]), Fault::BackendUnreachable),
        (Sign::Status(413), Fault::TooLarge(max_body_bytes)),
    ];
    let mappers = faults.iter().flat_map(|(sign, fault)| {
        // OpenAI's last: it is the dialect of every path that is no other's.
        [Dialect::Anthropic, Dialect::Gemini, Dialect::OpenAi].map(|dialect| mapper(sign, fault, dialect))
    });
    LocalReplyConfig { mappers: mappers.collect(), ..Default::default() }
}

fn mapper(sign: &Sign, fault: &Fault, dialect: Dialect) -> ResponseMapper {
    let mut filters = vec![filter(match sign {
        Sign::Flags(flags) => FilterSpecifier::ResponseFlagFilter(ResponseFlagFilter {
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
        }),
        Sign::Details(details) => expression(format!("response.code_details == '{details}'")),
        Sign::DetailsOf(start) => expression(format!("response.code_details.startsWith('{start}')")),
        Sign::Status(status) => FilterSpecifier::StatusCodeFilter(StatusCodeFilter {
            comparison: Some(ComparisonFilter {
                op: Op::Eq.into(),
                value: Some(RuntimeUInt32 { default_value: *status, runtime_key: "ditto.unused".into() }),
            }),
        }),
    })];
    filters.extend(path_of(dialect).map(path_filter));
    // An "and" needs two parts.
    let filter = match <[_; 1]>::try_from(filters) {
        Ok([only]) => only,
        Err(filters) => filter(FilterSpecifier::AndFilter(AndFilter { filters })),
    };
    let body = literal(&fault.body(dialect).to_string());
    let source = DataSource { specifier: Some(Specifier::InlineString(body)), ..Default::default() };
    let mut headers_to_add = request_id_headers();
    if let Some(seconds) = fault.retry_after_seconds() {
        headers_to_add.push(header("retry-after", &seconds.to_string()));
    }
    ResponseMapper {
        filter: Some(filter),
        status_code: u32_value(u32::from(fault.status())),
        body_format_override: Some(SubstitutionFormatString {
            content_type: "application/json".into(),
            format: Some(Format::TextFormatSource(source)),
            ..Default::default()
        }),
        headers_to_add,
        ..Default::default()
    }
}

fn expression(expression: String) -> FilterSpecifier {
    FilterSpecifier::ExtensionFilter(ExtensionFilter {
        name: "envoy.access_loggers.extension_filters.cel".into(),
        config_type: Some(ExtensionConfig::TypedConfig(pack(&ExpressionFilter { expression, ..Default::default() }))),
    })
}

fn filter(specifier: FilterSpecifier) -> AccessLogFilter {
    AccessLogFilter { filter_specifier: Some(specifier) }
}

/// The paths of a dialect, also after a backend's base path was put in front.
fn path_of(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::OpenAi => None,
        Dialect::Anthropic => Some(r".*/messages(/[^?]*)?(\?.*)?"),
        Dialect::Gemini => Some(r".*/(v1beta/|v1internal:).*"),
    }
}

fn path_filter(regex: &str) -> AccessLogFilter {
    let matcher = StringMatcher {
        match_pattern: Some(MatchPattern::SafeRegex(RegexMatcher { regex: regex.to_owned(), ..Default::default() })),
        ..Default::default()
    };
    filter(FilterSpecifier::HeaderFilter(HeaderFilter {
        header: Some(HeaderMatcher {
            name: ":path".into(),
            header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(matcher)),
            ..Default::default()
        }),
    }))
}
