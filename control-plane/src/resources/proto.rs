//! Small helpers for the verbose parts of Envoy's messages.

use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::address::Address as AddressKind;
use envoy_types::pb::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{
    Address, AggregatedConfigSource, ApiVersion, ConfigSource, HeaderValue, HeaderValueOption, SocketAddress,
    TypedExtensionConfig,
};
use envoy_types::pb::google::protobuf::{Any, Duration, UInt32Value, UInt64Value};

pub(super) use crate::xds::snapshot::pack;

/// A duration of whole seconds.
pub(super) fn seconds(seconds: u32) -> Option<Duration> {
    Some(Duration { seconds: i64::from(seconds), nanos: 0 })
}

pub(super) fn u32_value(value: u32) -> Option<UInt32Value> {
    Some(UInt32Value { value })
}

pub(super) fn u64_value(value: u64) -> Option<UInt64Value> {
    Some(UInt64Value { value })
}

/// The aggregated stream as the source of a resource.
pub(super) fn ads() -> ConfigSource {
    ConfigSource {
        resource_api_version: ApiVersion::V3.into(),
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})),
        ..Default::default()
    }
}

/// A TCP address; `host` may be a name.
pub(super) fn socket(host: &str, port: u16) -> Address {
    Address {
        address: Some(AddressKind::SocketAddress(SocketAddress {
            address: host.to_owned(),
            port_specifier: Some(PortSpecifier::PortValue(u32::from(port))),
            // Lets a wildcard IPv6 listener serve IPv4 as well.
            ipv4_compat: host.parse() == Ok(IpAddr::from([0_u16; 8])),
            ..Default::default()
        })),
    }
}

/// A named extension.
pub(super) fn extension(name: &str, config: Any) -> TypedExtensionConfig {
    TypedExtensionConfig { name: name.to_owned(), typed_config: Some(config) }
}

/// A header that replaces what is there. `value` may contain Envoy's `%COMMANDS%`; an empty outcome adds nothing.
pub(super) fn header(name: &str, value: &str) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: name.to_owned(), value: value.to_owned(), ..Default::default() }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..Default::default()
    }
}

/// A literal for a place where `%` would begin a command.
pub(super) fn literal(text: &str) -> String {
    text.replace('%', "%%")
}
