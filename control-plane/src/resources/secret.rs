//! Credentials as Envoy's secrets, and the filters that apply them.

use ditto_policy::compile::ClusterPlan;
use ditto_policy::secret::Secret;
use envoy_types::pb::envoy::config::core::v3::DataSource;
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::extensions::filters::http::credential_injector::v3::CredentialInjector;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;
use envoy_types::pb::envoy::extensions::http::injected_credentials::generic::v3::Generic;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::secret::Type;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, GenericSecret, SdsSecretConfig, Secret as Resource, TlsCertificate,
};
use envoy_types::pb::google::protobuf::Any;

use super::proto::{ads, extension, pack};

/// The secret's name: that of the cluster, which changes when the destination does, and the header.
///
/// A chain has secrets of its own, although its members' are the same: when they are no longer, requests that began
/// with the chain must not carry one member's new credential to another.
pub(super) fn name(cluster: &str, header: &str) -> String {
    format!("{cluster}/{header}")
}

/// The secret of one header's value.
pub(super) fn generic(name: &str, value: &Secret) -> Any {
    let secret = Some(inline(value.expose()));
    resource(name, Type::GenericSecret(GenericSecret { secret, ..Default::default() }))
}

/// The secret of a certificate and its key, both in PEM.
pub(super) fn certificate(name: &str, chain: &str, key: &Secret) -> Any {
    let (certificate_chain, private_key) = (Some(inline(chain)), Some(inline(key.expose())));
    resource(name, Type::TlsCertificate(TlsCertificate { certificate_chain, private_key, ..Default::default() }))
}

/// The secret of authorities, in PEM, by one of which a certificate must be signed.
pub(super) fn authorities(name: &str, bundle: &str) -> Any {
    let trusted_ca = Some(inline(bundle));
    resource(name, Type::ValidationContext(CertificateValidationContext { trusted_ca, ..Default::default() }))
}

/// Where TLS finds a secret of this name.
pub(super) fn by_name(name: &str) -> SdsSecretConfig {
    SdsSecretConfig { name: name.to_owned(), sds_config: Some(ads()) }
}

/// A text that stands in the message itself.
pub(super) fn inline(text: &str) -> DataSource {
    DataSource { specifier: Some(Specifier::InlineString(text.to_owned())), ..Default::default() }
}

fn resource(name: &str, secret: Type) -> Any {
    pack(&Resource { name: name.to_owned(), r#type: Some(secret) })
}

/// The upstream filters of `cluster` that set the credential headers of `plan`, in place of what the client sent.
pub(super) fn injectors(cluster: &str, plan: &ClusterPlan) -> Vec<HttpFilter> {
    let injector = |header: &String| {
        let credential = Generic {
            credential: Some(by_name(&name(cluster, header))),
            header: header.clone(),
            header_value_prefix: String::new(),
        };
        let config = CredentialInjector {
            overwrite: true,
            allow_request_without_credential: false,
            credential: Some(extension("envoy.http.injected_credentials.generic", pack(&credential))),
        };
        HttpFilter {
            name: format!("credential.{header}"),
            config_type: Some(ConfigType::TypedConfig(pack(&config))),
            ..Default::default()
        }
    };
    plan.headers.keys().map(injector).collect()
}
